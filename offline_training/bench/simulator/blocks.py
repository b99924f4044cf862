"""Run the blocks whose scores published orderings are about, all in one process."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from drivers.simulated.subject.neurons import Neurons
from offline_training.closed_loop.in_process.first_day import (
    calibration_session,
    trained_on_hand,
)
from offline_training.closed_loop.in_process.simulation import (
    LoopTiming,
    Mover,
    Reference,
    SimulatedBlock,
    simulate_block,
)
from offline_training.closed_loop.references.kalman import refit_kalman, train_kalman
from offline_training.settings import TrainSettings
from rt_ner.core.clock import NS_PER_MS
from rt_ner.recalibration.intention.reach_model import HAND_ANSWER_S
from rt_ner.task.settings import Layout, TaskSettings

DELAYS_MS = (0, 50, 100, 150, 200, 300)
BINS_MS = (25, 50, 100, 200)
USUAL_BIN_MS = 50
# Calibrations are recorded in hops that all bins are multiples of.
_FINE = LoopTiming(hop_ns=5 * NS_PER_MS)
# The Kalman filter is fitted to the hand at the same time, as that of `rt-ner closed-loop`, and to
# the hand a little later, as NER: when it does what the neurons tell.
KALMAN, ALIGNED, NER, IDEAL = "Kalman", "Kalman on the later hand", "NER", "ideal"
_LEADS_S = {KALMAN: 0.0, ALIGNED: HAND_ANSWER_S}
# Blocks per seed: a calibration, those of two filters per bin and after ReFIT, and of two movers
# per delay.
_N_BLOCKS = 1 + len(_LEADS_S) * (len(BINS_MS) + 1) + 2 * len(DELAYS_MS)


def refitted(decoder: str) -> str:
    """Return the name of a decoder after ReFIT."""
    return f"{decoder} after ReFIT"


@dataclass(frozen=True)
class BlocksPlan:
    """Plan of the blocks.

    Attributes
    ----------
    neurons
        Returns the neurons for a seed.
    settings
        Training settings of NER.
    device
        Device to train on.
    calibration_trials, trials
        Number of trials with the subject's own hand, and in each other block.

    """

    neurons: Callable[[int], Neurons]
    settings: TrainSettings
    device: torch.device
    calibration_trials: int
    trials: int


@dataclass(frozen=True)
class Row:
    """The score of one block in the loop.

    ``bin_ms`` and ``offline_r2`` are of Kalman filters alone: ``offline_r2`` is R² of the hand's
    velocity in calibration trials to which the filter was not fitted. Medians are of successful
    trials, NaN if there are none.
    """

    seed: int
    decoder: str
    delay_ms: int
    throughput_bps: float
    success_rate: float
    acquire_s: float
    dial_in_s: float
    bin_ms: int | None = None
    offline_r2: float | None = None


def measure_blocks(
    plan: BlocksPlan, seeds: Sequence[int], show: Callable[[str, float], None]
) -> list[Row]:
    """Return the rows of all blocks with each seed, each a subject of its own."""
    rows: list[Row] = []
    for number, seed in enumerate(seeds):
        stage = partial(show, f"seed {number + 1} of {len(seeds)}")
        for done, row in enumerate(_Seed(plan, seed).rows()):
            rows.append(row)
            stage((done + 2) / _N_BLOCKS)
    return rows


class _Seed:
    """All blocks with one seed; they have the same targets."""

    def __init__(self, plan: BlocksPlan, seed: int) -> None:
        self._plan = plan
        self._seed = seed
        self._neurons = plan.neurons(seed)
        self._task = TaskSettings(layout=Layout.CENTRE_OUT_BACK, trials=plan.trials, seed=seed)
        task = TaskSettings(trials=plan.calibration_trials, seed=seed)
        hand = simulate_block(self._neurons, Reference.HAND, task, seed, timing=_FINE)
        self._calibration = hand.block

    def rows(self) -> Iterator[Row]:
        """Run all blocks."""
        for decoder, lead_s in _LEADS_S.items():
            for bin_ms in BINS_MS:
                yield from self._kalman(decoder, lead_s, bin_ms)
        for decoder, mover in ((NER, self._ner()), (IDEAL, Reference.IDEAL)):
            for delay_ms in DELAYS_MS:
                yield self._row(decoder, self._block(mover, delay_ms), delay_ms)

    def _kalman(self, decoder: str, lead_s: float, bin_ms: int) -> Iterator[Row]:
        """Run a Kalman filter with these bins, and that with the usual ones after ReFIT too."""
        first = train_kalman(calibration_session(self._calibration, lead_s), bin_ms)
        heard = self._block(first.bundle.model)
        row = self._row(decoder, heard)
        yield replace(row, bin_ms=bin_ms, offline_r2=first.held_out.r2())
        if bin_ms == USUAL_BIN_MS:
            again = refit_kalman(heard.block, first).trained.bundle.model
            yield replace(self._row(refitted(decoder), self._block(again)), bin_ms=bin_ms)

    def _ner(self) -> Mover:
        plan = self._plan
        return trained_on_hand(self._calibration, plan.settings, plan.device).model

    def _block(self, mover: Mover, delay_ms: int = 0) -> SimulatedBlock:
        timing = LoopTiming(added_delay_ns=delay_ms * NS_PER_MS)
        return simulate_block(self._neurons, mover, self._task, self._seed + 1, timing=timing)

    def _row(self, decoder: str, heard: SimulatedBlock, delay_ms: int = 0) -> Row:
        score = heard.score
        return Row(
            seed=self._seed,
            decoder=decoder,
            delay_ms=delay_ms,
            throughput_bps=float(np.nan_to_num(score.throughput_bps)),
            success_rate=score.success_rate,
            acquire_s=score.acquire_s_median,
            dial_in_s=score.dial_in_s_median,
        )
