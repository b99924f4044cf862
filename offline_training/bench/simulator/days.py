"""Compare how channels change from day to day, in recordings and in the simulated array."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from drivers.simulated.subject.neurons import Neurons, made_up
from rt_ner.core.arrays import BoolArray, FloatArray
from rt_ner.core.errors import SessionError
from rt_ner.core.quantities.interval import Mean, mean_of
from rt_ner.data.session.session import Session
from rt_ner.offline.dataset import hop_counts
from rt_ner.offline.labels import label_hops

# Shortest and longest time between two days that are put together.
_GAPS_DAYS = ((1, 3), (4, 10), (11, 21), (22, 45))
_HOP_NS = 50_000_000
# Neurons lead the hand by about 100 ms.
_LEAD_HOPS = 2
# The fastest samples may be artefacts.
_FASTEST = 0.995
# A channel's preferred direction is known if its tuning is so many standard errors, at such a rate.
_CERTAIN, _LOWEST_HZ = 5.0, 1.0
_RING_CM_S, _N_DIRECTIONS = 20.0, 16
# A normal distribution's standard deviation, over its median distance from the median.
_NORMAL = 1.4826
_FEWEST_CHANNELS = 5


class Tuning(NamedTuple):
    """Rate in Hz, tuning to velocity as x + iy, and where that is known; all ``(channel,)``."""

    rate_hz: FloatArray
    vector: npt.NDArray[np.complex128]
    is_known: BoolArray


class Change(NamedTuple):
    """Robust standard deviations of changes across channels.

    ``rate`` and ``depth``: of the logarithms of mean rate and depth of tuning. ``turn_deg``: of the
    preferred direction.
    """

    rate: float
    depth: float
    turn_deg: float


@dataclass(frozen=True)
class DayChanges:
    """Means of the changes of `Change`, in pairs of recordings and in simulated arrays."""

    days: str
    pairs: int
    recorded: dict[str, Mean]
    simulated: dict[str, Mean] | None


def measure_days(
    sessions: Sequence[tuple[Path, Session]], seeds: Sequence[int]
) -> list[DayChanges]:
    """Return the changes within recordings, between days by the time between, and the control.

    SessionError if channels differ, or a file's name holds no date.
    """
    _check_channels([session for _, session in sessions])
    days = {_day_of(path): session for path, session in sessions}
    halves = [_change(*_halves(session)) for session in days.values()]
    found = [_row("within a recording", [each for each in halves if each], [])]
    whole = {day: tuning_of(session) for day, session in days.items()}
    for fewest, most in _GAPS_DAYS:
        gaps = [(a, b) for a, b in combinations(sorted(whole), 2) if fewest <= b - a <= most]
        pairs = [_change(whole[a], whole[b]) for a, b in gaps]
        known = [each for each in pairs if each]
        if known:
            nights = round(float(np.median([b - a for a, b in gaps])))
            simulated = [_simulated(nights, seed) for seed in seeds]
            found.append(_row(f"{fewest} to {most} days apart", known, simulated))
    found.append(_control(list(whole.values()), seeds))
    return found


def _control(whole: Sequence[Tuning], seeds: Sequence[int]) -> DayChanges:
    """Return the changes from each channel to another one, as if all were lost."""
    rng = np.random.default_rng(0)
    recorded = [_change(tuning, _shuffled(tuning, rng)) for tuning in whole]
    arrays = [channel_tuning(made_up(np.random.default_rng(seed))) for seed in seeds]
    simulated = [_change(tuning, _shuffled(tuning, rng)) for tuning in arrays]
    return _row(
        "other channels (control)",
        [each for each in recorded if each],
        [each for each in simulated if each],
    )


def _shuffled(tuning: Tuning, rng: np.random.Generator) -> Tuning:
    order = rng.permutation(tuning.rate_hz.size)
    return Tuning(tuning.rate_hz[order], tuning.vector[order], tuning.is_known[order])


def tuning_of(session: Session, part: slice = slice(None)) -> Tuning:
    """Return the tuning of channels to velocity, by least squares, in a part of the hops."""
    period_ns = session.spikes.raster_period_ns
    hop_ns = -(-_HOP_NS // period_ns) * period_ns
    labels = label_hops(session, hop_ns)
    rows = labels.end_ns // hop_ns - 1 - _LEAD_HOPS
    counts, is_counted = hop_counts(session, hop_ns)
    velocity = labels.values[:, :2]
    speed = np.hypot(*velocity.T)
    used = np.flatnonzero((rows >= 0) & is_counted[rows] & (speed < np.quantile(speed, _FASTEST)))
    used = used[part]
    inputs = np.column_stack([np.ones(used.size), velocity[used]])
    outputs = counts[rows[used]] / (hop_ns / 1e9)
    weights = np.linalg.lstsq(inputs, outputs, rcond=None)[0]
    spread = np.square(outputs - inputs @ weights).mean(axis=0)
    error = np.sqrt(spread * np.linalg.inv(inputs.T @ inputs)[1, 1])
    rate_hz, vector = outputs.mean(axis=0), weights[1] + 1j * weights[2]
    return Tuning(rate_hz, vector, (abs(vector) > _CERTAIN * error) & (rate_hz > _LOWEST_HZ))


def channel_tuning(neurons: Neurons) -> Tuning:
    """Return the tuning of electrodes, each with its units together, as a long recording would."""
    angle = np.arange(_N_DIRECTIONS) * (2 * np.pi / _N_DIRECTIONS)
    way = np.exp(1j * angle)
    velocity = _RING_CM_S * np.column_stack([way.real, way.imag])
    rates = np.zeros((_N_DIRECTIONS, len(neurons.channel_ids)))
    np.add.at(rates.T, neurons.channel, neurons.rates_hz(velocity, np.zeros_like(velocity)).T)
    rate_hz = rates.mean(axis=0)
    return Tuning(rate_hz, way @ rates / _N_DIRECTIONS, rate_hz > _LOWEST_HZ)


def _simulated(nights: int, seed: int) -> Change:
    rng = np.random.default_rng(seed)
    first = later = made_up(rng)
    for _ in range(nights):
        later = later.after_a_night(rng)
    change = _change(channel_tuning(first), channel_tuning(later))
    assert change is not None
    return change


def _change(before: Tuning, after: Tuning) -> Change | None:
    """Return the change in channels known both times; None if there are too few."""
    known = before.is_known & after.is_known
    if known.sum() < _FEWEST_CHANNELS:
        return None
    ratio = after.vector[known] / before.vector[known]
    return Change(
        rate=_robust_sd(np.log(after.rate_hz[known] / before.rate_hz[known])),
        depth=_robust_sd(np.log(abs(ratio))),
        turn_deg=_robust_sd(np.rad2deg(np.angle(ratio))),
    )


def _robust_sd(values: FloatArray) -> float:
    return _NORMAL * float(np.median(abs(values - np.median(values))))


def _row(days: str, recorded: Sequence[Change], simulated: Sequence[Change]) -> DayChanges:
    return DayChanges(days, len(recorded), _means(recorded), _means(simulated) or None)


def _means(changes: Sequence[Change]) -> dict[str, Mean]:
    columns = zip(*changes, strict=True)
    return {name: mean_of(values) for name, values in zip(Change._fields, columns, strict=False)}


def _halves(session: Session) -> tuple[Tuning, Tuning]:
    middle = len(label_hops(session, _HOP_NS)) // 2
    return tuning_of(session, slice(middle)), tuning_of(session, slice(middle, None))


def _check_channels(sessions: Sequence[Session]) -> None:
    first = sessions[0]
    for session in sessions[1:]:
        if session.channel_ids != first.channel_ids:
            raise SessionError(
                f"{session.name} has {len(session.channel_ids)} channels, {first.name} "
                f"{len(first.channel_ids)} or others: name recordings of the same electrodes, "
                "because sorted units can't be followed from day to day"
            )


def _day_of(path: Path) -> int:
    found = re.search(r"(20\d\d)-?(\d\d)-?(\d\d)", path.name)
    if not found:
        raise SessionError(f"{path.name}: expected a date in the file's name, e.g. 20120718")
    return date(*map(int, found.groups())).toordinal()
