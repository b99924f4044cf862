"""Compare a simulated session, fitted to a real closed loop, with the recording itself."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from drivers.simulated.subject.intention import SubjectSettings
from drivers.simulated.subject.neurons import Neurons
from offline_training.bench.real_loop.disturbance import N_TRAIN, Progress, angles_of
from offline_training.bench.real_loop.stabilized import (
    read_stabilized,
    trials_of,
    with_one_speed,
    with_recorded_velocity,
)
from offline_training.bench.simulator.recorded.fitted_subject import (
    fitted_subject,
    shared_noise,
)
from offline_training.closed_loop.in_process.simulation import (
    LoopTiming,
    Reference,
    simulate_block,
)
from offline_training.closed_loop.references.kalman import train_kalman
from rt_ner.core.arrays import FloatArray
from rt_ner.core.clock import NS_PER_MS, NS_PER_S
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.task.settings import TaskSettings

_N_CALIBRATION = 80
# The recording's trials end in the target, without a hold, or after about this time.
_TIMEOUT_S = 7.5
# Cursor and targets may be anywhere within this many times the reaches' length.
_ROOM = 4.0


@dataclass(frozen=True)
class Statistics:
    """Statistics of a session in the loop.

    Attributes
    ----------
    ner_deg, ridge_deg
        Mean angles between decoded and intended velocity in later trials.
    reach_s
        Median duration of a trial.
    rate_hz
        Mean rate of a channel.
    shared_sd, shared_lasts_s
        Noise that all channels share: its standard deviation in log rate, and its duration.

    """

    ner_deg: float
    ridge_deg: float
    reach_s: float
    rate_hz: float
    shared_sd: float
    shared_lasts_s: float


class _Recorded(NamedTuple):
    """A recording's baseline trials, and the subject that was fitted to the first of them."""

    baseline: ClosedLoopBlock
    intended_cm_s: FloatArray
    neurons: Neurons
    subject: SubjectSettings


def measure_recording(
    path: Path, n_seeds: int, device: torch.device, progress: Progress
) -> tuple[Statistics, list[Statistics]]:
    """Return the statistics of the recording's baseline, and of a simulated one per seed.

    SessionError if the file is another one.
    """
    recorded = _read(path)
    real = _statistics(recorded.baseline, recorded.intended_cm_s, 0, device, progress)
    simulated = []
    for seed in range(n_seeds):
        block, intended_cm_s = _simulated(recorded, seed)
        shown = _under(f"simulated session {seed + 1} of {n_seeds}", progress)
        simulated.append(_statistics(block, intended_cm_s, seed, device, shown))
    return real, simulated


def _under(stage: str, progress: Progress) -> Progress:
    """Return progress that is shown under one stage, whatever the step."""
    return lambda _step, part: progress(stage, part)


def _read(path: Path) -> _Recorded:
    block, kinds = read_stabilized(path)
    trials = trials_of(kinds, "baselineEvaluation")
    moved = with_recorded_velocity(block.only(trials), path)
    intended_cm_s, neurons, subject = fitted_subject(moved, np.arange(N_TRAIN))
    return _Recorded(with_one_speed(moved), intended_cm_s, neurons, subject)


def _simulated(recorded: _Recorded, seed: int) -> tuple[ClosedLoopBlock, FloatArray]:
    """Return the outward reaches of a simulated session like the recording, and the intention."""
    task, timing = _task(recorded, seed), LoopTiming(recorded.baseline.hop_ns)
    calibration = task.model_copy(update={"trials": _N_CALIBRATION})
    subject, neurons = recorded.subject, recorded.neurons
    hand = simulate_block(neurons, Reference.HAND, calibration, seed, subject, timing).block
    known = np.ones(len(hand.counts), dtype=np.bool_)
    session = hand.session("calibration", hand.hand_cm_s, known)
    decoder = train_kalman(session, recorded.baseline.hop_ns / NS_PER_MS).bundle.model
    heard = simulate_block(neurons, decoder, task, seed + 1, subject, timing)
    return with_one_speed(_outward(heard.block)), heard.intended_cm_s


def _task(recorded: _Recorded, seed: int) -> TaskSettings:
    """Return the recording's task: reaches from the centre to a ring, without a hold."""
    baseline = recorded.baseline
    target = baseline.target[baseline.first_hops]
    distance_cm = float(np.median(np.hypot(*target[:, :2].T)))
    return TaskSettings(
        trials=baseline.n_reaches,
        seed=seed,
        n_targets=len(np.unique(target[:, :2].round(1), axis=0)),
        distance_cm=distance_cm,
        target_radius_cm=float(target[0, 2]),
        workspace_cm=_ROOM * distance_cm,
        target_hold_ms=0.0,
        timeout_s=_TIMEOUT_S,
    )


def _outward(block: ClosedLoopBlock) -> ClosedLoopBlock:
    """Return the block with its reaches away from the centre alone."""
    target = block.target[block.first_hops]
    return block.only(np.flatnonzero(np.hypot(*target[:, :2].T) > target[:, 2]))


def _statistics(
    block: ClosedLoopBlock,
    intended_cm_s: FloatArray,
    seed: int,
    device: torch.device,
    progress: Progress,
) -> Statistics:
    trials = np.arange(block.n_reaches)
    angles = angles_of(block, trials, seed, device, progress)
    noise = shared_noise(block, intended_cm_s)
    hop_s = block.hop_ns / NS_PER_S
    aims = block.reach >= 0
    return Statistics(
        ner_deg=angles["ner"],
        ridge_deg=angles["ridge"],
        reach_s=float(np.median(np.bincount(block.reach[aims]))) * hop_s,
        rate_hz=float(block.counts[aims].mean()) / hop_s,
        shared_sd=noise.sd,
        shared_lasts_s=noise.lasts_s,
    )
