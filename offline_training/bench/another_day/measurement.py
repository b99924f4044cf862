"""Run a decoder on another day in the loop, recalibrate it in several ways, and run it again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

import numpy as np
import torch

from drivers.simulated.subject.neurons import Neurons
from offline_training.closed_loop.encoder import recalibrate_encoder
from offline_training.closed_loop.in_process.controls import with_shuffled_targets
from offline_training.closed_loop.in_process.first_day import trained_on_hand
from offline_training.closed_loop.in_process.simulation import (
    Mover,
    Reference,
    SimulatedBlock,
    simulate_block,
)
from offline_training.settings import TrainSettings
from rt_ner.bundle.bundle import Bundle
from rt_ner.core.arrays import BoolArray, FloatArray
from rt_ner.core.clock import NS_PER_S
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.recalibration.intention.reach_model import ReachModel, fit_reach_model
from rt_ner.recalibration.readouts.refit import FEWEST_REACHES
from rt_ner.recalibration.use import Use
from rt_ner.task.settings import TaskSettings

_ROUNDS = 2
# Added to the seed for the neurons of another day; also spaces the seeds of blocks.
_DAY = 1000


class Labels(StrEnum):
    """The method that finds the intention to which a decoder is recalibrated.

    Attributes
    ----------
    REACH_MODEL
        A model of reaching, fitted to the calibration of day one.
    REFIT
        The decoded velocity, turned to the target.
    TRUE
        The velocity that the simulated subject really intended: the upper bound.
    SHUFFLED
        The model of reaching, towards the targets of other reaches: a control that must do worse.

    """

    REACH_MODEL = "reach model"
    REFIT = "ReFIT"
    TRUE = "true intention"
    SHUFFLED = "shuffled targets"


@dataclass(frozen=True)
class DayPlan:
    """Plan of the measurement.

    Attributes
    ----------
    neurons
        Returns the neurons of day one for a seed.
    settings
        Training settings.
    device
        Device to train on.
    calibration_trials, trials
        Number of trials with the subject's own hand, and in each other block.
    use_s
        Longest use per round to learn from, in s.
    labels
        The methods to compare that find the intention.

    """

    neurons: Callable[[int], Neurons]
    settings: TrainSettings
    device: torch.device
    calibration_trials: int
    trials: int
    use_s: float
    labels: tuple[Labels, ...]


@dataclass(frozen=True)
class Row:
    """The score of one block in the loop."""

    seed: int
    condition: str
    throughput_bps: float
    success_rate: float
    acquire_s: float


def measure_another_day(
    plan: DayPlan, seeds: Sequence[int], show: Callable[[str, float], None]
) -> list[Row]:
    """Return the rows of all conditions with each seed."""
    rows: list[Row] = []
    for number, seed in enumerate(seeds):
        one = _Seed(plan, seed, partial(show, f"seed {number + 1} of {len(seeds)}"))
        rows += one.rows()
    return rows


class _Seed:
    """All blocks with one seed."""

    def __init__(self, plan: DayPlan, seed: int, show: Callable[[float], None]) -> None:
        self._plan = plan
        self._seed = seed
        self._show = show
        self._n_blocks, self._rows = 0, list[Row]()
        self._today = plan.neurons(seed)
        self._later = self._today.another_day(np.random.default_rng(seed + _DAY))

    def rows(self) -> list[Row]:
        """Run all blocks."""
        calibration, first = self._calibrated(self._today)
        self._block("day one", self._today, first.model)
        heard = self._block("another day", self._later, first.model)
        model, _ = fit_reach_model(calibration.block)
        for labels in self._plan.labels:
            self._rounds(labels, first, heard, model)
        _, anew = self._calibrated(self._later)
        self._block("own hand anew", self._later, anew.model)
        self._block("ideal", self._later, Reference.IDEAL)
        return self._rows

    def _rounds(
        self, labels: Labels, first: Bundle, heard: SimulatedBlock, model: ReachModel
    ) -> None:
        """Recalibrate from the use so far, and run the next block, round by round."""
        in_use, used = first, list[SimulatedBlock]()
        for number in range(1, _ROUNDS + 1):
            used.append(_until(heard, self._plan.use_s))
            use = _use(labels, used, model, np.random.default_rng(self._seed))
            if use.n_reaches >= FEWEST_REACHES:  # Else there is nothing to learn from.
                in_use = recalibrate_encoder(use, in_use, lambda _: None).trained.bundle
            condition = f"recalibrated {number}, {labels}"
            heard = self._block(condition, self._later, in_use.model)

    def _calibrated(self, neurons: Neurons) -> tuple[SimulatedBlock, Bundle]:
        """Run a calibration with the subject's hand, and train a decoder."""
        plan = self._plan
        heard = self._simulated(neurons, Reference.HAND, plan.calibration_trials)
        return heard, trained_on_hand(heard.block, plan.settings, plan.device)

    def _block(self, condition: str, neurons: Neurons, mover: Mover) -> SimulatedBlock:
        """Run a block, and keep its scores."""
        heard = self._simulated(neurons, mover, self._plan.trials)
        score = heard.score
        self._rows.append(
            Row(
                self._seed,
                condition,
                score.throughput_bps,
                score.success_rate,
                score.acquire_s_median,
            )
        )
        return heard

    def _simulated(self, neurons: Neurons, mover: Mover, trials: int) -> SimulatedBlock:
        n_all = 6 + _ROUNDS * len(self._plan.labels)
        self._show(self._n_blocks / n_all)
        self._n_blocks += 1
        # Each block has targets and noise of its own.
        seed = _DAY * self._seed + self._n_blocks
        return simulate_block(neurons, mover, TaskSettings(trials=trials, seed=seed), seed)


@dataclass(frozen=True, eq=False)
class _KnownUse(Use):
    """Use in which the true intention is known, ``(hop, 2)`` per block."""

    true_cm_s: tuple[FloatArray, ...] = ()

    def intended_in(self, block: ClosedLoopBlock) -> tuple[FloatArray, BoolArray]:
        """Return the true intention, and where it is known."""
        (number,) = [k for k, other in enumerate(self.blocks) if other is block]
        return self.true_cm_s[number], np.isfinite(block.target[:, 0])


def _use(
    labels: Labels, used: Sequence[SimulatedBlock], model: ReachModel, rng: np.random.Generator
) -> Use:
    blocks = tuple(each.block for each in used)
    if labels is Labels.REFIT:
        return Use(blocks)
    if labels is Labels.TRUE:
        true_cm_s = tuple(each.intended_cm_s for each in used)
        return _KnownUse(blocks, model, is_speed_known=True, true_cm_s=true_cm_s)
    if labels is Labels.SHUFFLED:
        blocks = tuple(with_shuffled_targets(block, rng) for block in blocks)
    return Use(blocks, model, is_speed_known=True)


def _until(heard: SimulatedBlock, seconds: float) -> SimulatedBlock:
    block = heard.block.until(round(seconds * NS_PER_S))
    return replace(heard, block=block, intended_cm_s=heard.intended_cm_s[: len(block.counts)])
