"""Use a decoder day after day while the neurons drift, and let it learn from this use alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from drivers.simulated.subject.neurons import Neurons
from offline_training.bench.days.keepers import LAYOUT, Condition, Keeper, keeper_of
from offline_training.closed_loop.in_process.first_day import trained_on_hand
from offline_training.closed_loop.in_process.simulation import (
    Mover,
    Reference,
    SimulatedBlock,
    simulate_block,
)
from offline_training.engines.engine import HERE, Engine
from offline_training.engines.threads import one_thread
from offline_training.settings import TrainSettings
from rt_ner.recalibration.intention.reach_model import fit_reach_model
from rt_ner.task.scores import BlockScore
from rt_ner.task.settings import Layout, TaskSettings

# Added to the seed for the nights; also spaces the seeds of blocks.
_NIGHTS = 1000
_BLOCKS_PER_DAY = 2
# A control that succeeds less often for so many days in a row has failed, and is ended.
_LEAST_SUCCESS, _FAILED_DAYS = 0.5, 3


@dataclass(frozen=True)
class DaysPlan:
    """Plan of the measurement.

    Attributes
    ----------
    neurons
        Returns the neurons of day one for a seed.
    settings
        Training settings.
    device
        Device to train on.
    calibration_trials
        Number of trials with the subject's own hand, on day one.
    trials
        Number of trials per block; a day has two blocks.
    days
        Number of days after day one.
    conditions
        The ways to keep the decoder.

    """

    neurons: Callable[[int], Neurons]
    settings: TrainSettings
    device: torch.device
    calibration_trials: int
    trials: int
    days: int
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Row:
    """Scores of one day: day 1 is that of the calibration, with the first decoder.

    ``throughput_bps`` is the mean of all trials; a failed one brings nothing.
    """

    seed: int
    condition: str
    day: int
    throughput_bps: float
    success_rate: float


def measure_days(
    plan: DaysPlan,
    seeds: Sequence[int],
    show: Callable[[str, float], None],
    engine: Engine = HERE,
) -> list[Row]:
    """Return the scores of all days, conditions and seeds; the engine runs the seeds.

    Each seed keeps to one thread, so that every engine gives the same scores.
    """
    is_here = engine is HERE
    score = partial(rows_of_seed, plan, show if is_here else _say_nothing)
    found: dict[int, list[Row]] = {}
    for seed, outcome in engine.results(score, seeds):
        if isinstance(outcome, Exception):
            raise outcome
        found[seed] = outcome
        show(f"{len(found)} of {len(seeds)} seeds", len(found) / len(seeds))
    return [row for seed in seeds for row in found[seed]]


def _say_nothing(stage: str, part: float) -> None: ...


def rows_of_seed(plan: DaysPlan, show: Callable[[str, float], None], seed: int) -> list[Row]:
    """Return the scores of all days and conditions with one seed."""
    with one_thread():
        one = _Seed(plan, seed)
        return [
            row
            for condition in plan.conditions
            for row in one.rows(condition, partial(show, f"seed {seed}, {condition}"))
        ]


class _Seed:
    """All days with one seed."""

    def __init__(self, plan: DaysPlan, seed: int) -> None:
        self._plan, self._seed = plan, seed
        self._neurons = plan.neurons(seed)
        heard = self._block(self._neurons, Reference.HAND, 0, plan.calibration_trials)
        self._first = trained_on_hand(heard.block, plan.settings, plan.device)
        self._reaching, _ = fit_reach_model(heard.block)
        self._day_one = self._day(self._neurons, Keeper(self._first), 1)

    def rows(self, condition: Condition, show: Callable[[float], None]) -> list[Row]:
        """Run all days in one condition; a control that has failed is ended."""
        keeper = keeper_of(condition, self._first, self._reaching, self._seed)
        for heard in self._day_one:
            keeper.learn(heard.block)
        rng, neurons = np.random.default_rng(self._seed + _NIGHTS), self._neurons
        rows = [self._row(condition, 1, self._day_one)]
        for day in range(2, self._plan.days + 2):
            show((day - 2) / self._plan.days)
            neurons = neurons.after_a_night(rng)
            rows.append(self._row(condition, day, self._day(neurons, keeper, day)))
            if has_failed(rows):
                break
        return rows

    def _day(self, neurons: Neurons, keeper: Keeper, day: int) -> list[SimulatedBlock]:
        """Run the blocks of a day; the keeper learns after each."""
        blocks = []
        for number in range(_BLOCKS_PER_DAY):
            which = day * _BLOCKS_PER_DAY + number
            blocks.append(self._block(neurons, keeper.model, which, self._plan.trials))
            keeper.learn(blocks[-1].block)
        return blocks

    def _block(self, neurons: Neurons, mover: Mover, which: int, trials: int) -> SimulatedBlock:
        # Each block has targets and noise of its own, the same in all conditions.
        seed = _NIGHTS * self._seed + which
        layout = Layout.CENTRE_OUT if mover is Reference.HAND else LAYOUT
        task = TaskSettings(trials=trials, seed=seed, layout=layout)
        return simulate_block(neurons, mover, task, seed)

    def _row(self, condition: Condition, day: int, heard: Sequence[SimulatedBlock]) -> Row:
        scores = [each.score for each in heard]
        return Row(
            self._seed,
            condition,
            day,
            float(np.mean([_bps_of_all(score) for score in scores])),
            float(np.mean([score.success_rate for score in scores])),
        )


def has_failed(rows: Sequence[Row]) -> bool:
    """Return True if the last days all had too little success."""
    newest = rows[-_FAILED_DAYS:]
    return len(newest) == _FAILED_DAYS and all(row.success_rate < _LEAST_SUCCESS for row in newest)


def _bps_of_all(score: BlockScore) -> float:
    """Return the mean throughput of all trials, in which a failed one counts as 0."""
    return float(np.nan_to_num(score.throughput_bps)) * score.success_rate
