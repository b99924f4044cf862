"""Simulate a Utah array in motor cortex during centre-out reaching, spike by spike.

A unit fires as an inhomogeneous Poisson process with an absolute refractory period. Its log rate
is linear in the hand's velocity, position and direction after a lag (cosine tuning, Georgopoulos
et al. 1982; velocity and position, Paninski et al. 2004), plus noise that the units share. One seed
gives one session, bit for bit.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rt_ner.core.arrays import BoolArray, FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_MS
from rt_ner.core.compiled.njit import njit
from rt_ner.core.contract.names import electrode_names
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeTimes
from rt_ner.data.session.trials import Trials

_STEP_S = 1e-3
_KINEMATICS_STEPS = 10
_N_SHARED = 4


@dataclass(frozen=True)
class ArraySettings:
    """Parameters of the array and of the neurons that it records."""

    n_electrodes: int = 96
    silent_fraction: float = 0.08
    median_rate_hz: float = 10.0
    rate_range_hz: tuple[float, float] = (1.0, 60.0)
    lag_range_s: tuple[float, float] = (0.04, 0.16)
    shared_noise_s: float = 0.15
    refractory_ms: int = 2


@dataclass(frozen=True)
class TaskSettings:
    """Parameters of the centre-out task and the reaches; pairs are (mean, standard deviation)."""

    n_trials: int = 120
    n_directions: int = 8
    distance_cm: float = 8.0
    hold_s: tuple[float, float] = (0.30, 0.05)
    reaction_s: tuple[float, float] = (0.25, 0.04)
    movement_s: tuple[float, float] = (0.50, 0.06)
    return_s: tuple[float, float] = (0.55, 0.06)
    end_point_sd_cm: float = 0.6
    curvature_sd_cm: float = 0.5


@dataclass(frozen=True, eq=False)
class _Hand:
    """The hand at every millisecond: ``(time, 2)``; its heading is zero when at rest."""

    position_cm: FloatArray
    velocity_cm_s: FloatArray
    heading: FloatArray
    trials: Trials


def simulate_session(
    seed: int, task: TaskSettings | None = None, array: ArraySettings | None = None
) -> Session:
    """Return a simulated session: electrodes are channels, with zero to three pooled units each."""
    task, array = task or TaskSettings(), array or ArraySettings()
    rng = np.random.default_rng(seed)
    hand = _reach(rng, task)
    n_steps = len(hand.velocity_cm_s)
    sampled = slice(_KINEMATICS_STEPS, None, _KINEMATICS_STEPS)
    return Session(
        name=f"simulated-{seed}",
        area="M1",
        channel_ids=electrode_names(array.n_electrodes),
        spikes=_fire(rng, hand, array),
        behaviour=Behaviour(
            np.arange(n_steps, dtype=np.int64)[sampled] * NS_PER_MS, hand.velocity_cm_s[sampled]
        ),
        trials=hand.trials,
        provenance={"simulator": "rt-ner", "seed": str(seed)},
    )


class _Trial(NamedTuple):
    """The way to a target and back to ``home_cm``, by the millisecond; go and end are its times."""

    position_cm: list[FloatArray]
    heading: list[FloatArray]
    go_ms: int
    end_ms: int
    home_cm: FloatArray


def _reach(rng: np.random.Generator, task: TaskSettings) -> _Hand:
    """Reach out and back, trial after trial; a trial is the way out, from target on to hold."""
    direction = np.concatenate(
        [rng.permutation(task.n_directions) for _ in range(-(-task.n_trials // task.n_directions))]
    )[: task.n_trials]
    angle = direction * (2 * np.pi / task.n_directions)
    target_cm = task.distance_cm * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    position_cm: list[FloatArray] = []
    heading: list[FloatArray] = []
    marks_ms = np.zeros((task.n_trials, 3), dtype=np.int64)
    here_cm, now_ms = np.zeros(2), 0
    for number in range(task.n_trials):
        trial = _out_and_back(rng, task, here_cm, target_cm[number])
        marks_ms[number] = now_ms, now_ms + trial.go_ms, now_ms + trial.end_ms
        position_cm += trial.position_cm
        heading += trial.heading
        here_cm, now_ms = trial.home_cm, now_ms + sum(map(len, trial.position_cm))
    path_cm = np.concatenate(position_cm)
    start_ns, go_ns, end_ns = (marks_ms * NS_PER_MS).T
    return _Hand(
        position_cm=path_cm,
        velocity_cm_s=np.gradient(path_cm, _STEP_S, axis=0),
        heading=np.concatenate(heading),
        trials=Trials(start_ns, go_ns, end_ns, np.rad2deg(angle), target_cm),
    )


def _out_and_back(
    rng: np.random.Generator, task: TaskSettings, here_cm: FloatArray, target_cm: FloatArray
) -> _Trial:
    """Draw one trial: wait, reach out, hold, and come back."""
    end_cm = target_cm + rng.normal(0, task.end_point_sd_cm, 2)
    home_cm = rng.normal(0, task.end_point_sd_cm / 2, 2)
    go_ms = _duration_ms(rng, task.hold_s)
    out = [go_ms + _duration_ms(rng, task.reaction_s), _duration_ms(rng, task.movement_s)]
    hold_ms = _duration_ms(rng, task.hold_s)
    back = [_duration_ms(rng, task.reaction_s), _duration_ms(rng, task.return_s)]
    position_cm = [
        np.tile(here_cm, (out[0], 1)),
        _minimum_jerk(here_cm, end_cm, out[1], rng.normal(0, task.curvature_sd_cm)),
        np.tile(end_cm, (hold_ms + back[0], 1)),
        _minimum_jerk(end_cm, home_cm, back[1], rng.normal(0, task.curvature_sd_cm)),
    ]
    to_target = target_cm / task.distance_cm
    heading = [
        np.tile(to_target, (sum(out), 1)),
        np.zeros((hold_ms + back[0], 2)),
        np.tile(-to_target, (back[1], 1)),
    ]
    return _Trial(position_cm, heading, go_ms, sum(out) + hold_ms, home_cm)


def _minimum_jerk(start: FloatArray, end: FloatArray, n_ms: int, bulge_cm: float) -> FloatArray:
    """Return a minimum-jerk path ``(n_ms, 2)`` (Flash & Hogan 1985), curved by ``bulge_cm``."""
    phase = np.arange(n_ms)[:, None] / n_ms
    along = phase**3 * (10 - 15 * phase + 6 * phase**2)
    step = end - start
    sideways = np.array([-step[1], step[0]]) / np.hypot(*step)
    path: FloatArray = start + along * step
    path += bulge_cm * np.sin(np.pi * along) ** 2 * sideways
    return path


def _duration_ms(rng: np.random.Generator, mean_and_sd_s: tuple[float, float]) -> int:
    """Draw a duration, never under half its mean."""
    mean_s, sd_s = mean_and_sd_s
    return round(max(rng.normal(mean_s, sd_s), mean_s / 2) * 1e3)


def _fire(rng: np.random.Generator, hand: _Hand, array: ArraySettings) -> SpikeTimes:
    """Return the spikes of all units, in order of time."""
    silent = rng.random(array.n_electrodes) < array.silent_fraction
    n_units = np.where(silent, 0, rng.integers(1, 4, array.n_electrodes))
    unit_channel = np.repeat(np.arange(array.n_electrodes, dtype=np.int32), n_units)
    shared = _shared_noise(rng, len(hand.position_cm), array.shared_noise_s)
    peak_cm_s = np.hypot(*hand.velocity_cm_s.T).max()
    reach_cm = np.hypot(*hand.position_cm.T).max()
    drives = np.concatenate(
        [hand.velocity_cm_s / peak_cm_s, hand.position_cm / reach_cm, hand.heading], axis=1
    )
    times: list[Int64Array] = []
    for _ in unit_channel:
        spike_ms = _unit_spikes_ms(rng, drives, shared, array)
        times.append(spike_ms * NS_PER_MS + rng.integers(0, NS_PER_MS, spike_ms.size))
    time_ns = np.concatenate(times)
    unit = np.repeat(np.arange(unit_channel.size, dtype=np.int32), [part.size for part in times])
    order = np.argsort(time_ns, kind="stable")
    unit_ids = tuple(
        f"elec{electrode + 1:03d}{'abc'[nth]}"
        for electrode, count in enumerate(n_units)
        for nth in range(count)
    )
    return SpikeTimes(time_ns[order], unit[order], unit_ids, unit_channel, array.n_electrodes)


def _unit_spikes_ms(
    rng: np.random.Generator, drives: FloatArray, shared: FloatArray, array: ArraySettings
) -> Int64Array:
    """Return the milliseconds in which one unit with random tuning fires."""
    base_hz = np.clip(rng.lognormal(np.log(array.median_rate_hz), 0.8), *array.rate_range_hz)
    lag_ms = round(rng.uniform(*array.lag_range_s) * 1e3)
    weights = np.concatenate(
        [_tuning(rng, depth) for depth in (1.0, 0.4, 0.3)]  # velocity, position, direction
    )
    log_gain = np.roll(drives @ weights, -lag_ms)
    log_gain += shared @ rng.normal(0, 0.15, shared.shape[1])
    # Divided by its mean, so that the mean rate is the base rate with any tuning.
    gain = np.exp(log_gain)
    rate_hz = base_hz * gain / gain.mean()
    chance = rng.random(rate_hz.size)
    return np.flatnonzero(_fires(rate_hz * _STEP_S, chance, array.refractory_ms))


def _tuning(rng: np.random.Generator, depth: float) -> FloatArray:
    """Draw cosine tuning: a random preferred direction, and a depth that varies between units."""
    angle = rng.uniform(0, 2 * np.pi)
    return depth * rng.lognormal(0.0, 0.4) * np.array([np.cos(angle), np.sin(angle)])


def _shared_noise(rng: np.random.Generator, n_steps: int, time_constant_s: float) -> FloatArray:
    """Draw slow noise ``(time, source)`` of unit variance, which units share to a degree."""
    keep = np.exp(-_STEP_S / time_constant_s)
    return _leaky_sum(rng.normal(0, np.sqrt(1 - keep**2), (n_steps, _N_SHARED)), keep)


@njit(cache=True)
def _leaky_sum(noise: FloatArray, keep: float) -> FloatArray:
    """Return a first-order autoregression along time."""
    out = noise.copy()
    for step in range(1, len(out)):
        out[step] += keep * out[step - 1]
    return out


@njit(cache=True)
def _fires(probability: FloatArray, chance: FloatArray, refractory_ms: int) -> BoolArray:
    """Return True where a spike falls in a millisecond; none within the refractory period."""
    fires = np.zeros(probability.size, dtype=np.bool_)
    free_again = 0
    for step in range(probability.size):
        if step >= free_again and chance[step] < probability[step]:
            fires[step] = True
            free_again = step + refractory_ms + 1
    return fires
