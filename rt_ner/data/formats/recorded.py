"""Recorded: what the formats share: spikes, directions and trials from arrays, and one boundary.

Times are int64 ns of one clock, values ``(sample, channel)``.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from rt_ner.core.arrays import AnyArray, BoolArray, FloatArray, Int32Array, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.markers import TrialEvent, parse_trial_marker
from rt_ner.core.errors import SessionError
from rt_ner.data.session.session import Kinematics, SpikeCounts, SpikeTimes, Trials
from rt_ner.decoding.binning.detector import Detector, DetectorSettings
from rt_ner.decoding.input.spike_stream import SpikeStream

# No decoder looks farther back: after a gap, labels count again once all history was measured.
_LONGEST_HISTORY_NS = NS_PER_S
_MOST_COUNTS = 4_000_000_000
_AT_ONCE = 30_000
# Some libraries put all of a file's structure into one message.
_LONGEST_WORDS = 200
# A phase of less is the rounding of float stamps.
_ROUNDING_NS = 1000

START, GO, END = TrialEvent


@dataclass(frozen=True, eq=False)
class Counted:
    """Spikes of a stream. ``origin_ns``: zero of ``spikes``' time, on the stream's clock.

    ``gaps_ns``: ``(gap, 2)``, begin and end of what was not measured, on the stream's clock.
    ``warnings``: what was wrong with the stream.
    """

    channel_ids: tuple[str, ...]
    spikes: SpikeTimes | SpikeCounts
    gaps_ns: Int64Array
    warnings: tuple[str, ...]

    def is_measured(self, times_ns: Int64Array) -> BoolArray:
        """Whether all that a decoder looks back to was measured, on the stream's clock."""
        measured = np.ones(times_ns.size, dtype=np.bool_)
        for begin_ns, end_ns in self.gaps_ns:
            measured &= (times_ns <= begin_ns) | (times_ns > end_ns + _LONGEST_HISTORY_NS)
        return measured


def raster_phase_ns(stamps_ns: Int64Array, shape: SpikeStream) -> int:
    """How far a regular stream's samples end after the lines of the global grid."""
    period_ns = round(shape.period_ns)
    phase_ns = (int(stamps_ns[0]) + period_ns // 2) % period_ns - period_ns // 2
    return phase_ns if abs(phase_ns) > _ROUNDING_NS else 0


def raster_spikes(
    stamps_ns: Int64Array, counts: AnyArray, shape: SpikeStream, origin_ns: int
) -> Counted:
    """A raster, sample by sample on its own grid; what was missing is a gap."""
    period_ns = round(shape.period_ns)
    sample = np.rint((stamps_ns - origin_ns) / period_ns).astype(np.int64) - 1
    bad = ~np.isfinite(counts) | (counts < 0) | (counts > 255) | (counts != np.floor(counts))
    usable = ~bad.any(axis=1) & (sample >= 0)
    sample, first = np.unique(sample[usable], return_index=True)
    n_samples = int(sample[-1]) + 1 if sample.size else 0
    if n_samples * counts.shape[1] > _MOST_COUNTS:
        raise SessionError(
            f"the raster spans {n_samples * period_ns / 1e9:,.0f} s: its time stamps can't be right"
        )
    gridded = np.zeros((n_samples, counts.shape[1]), dtype=np.uint8)
    gridded[sample] = counts[usable][first]
    heard = np.append(-1, sample)
    gaps = np.flatnonzero(np.diff(heard) > 1)
    gaps_ns = origin_ns + np.stack([heard[gaps] + 1, heard[gaps + 1]], axis=1) * period_ns
    found = {
        "samples with values that are no counts, or before the session": int((~usable).sum()),
        "samples with the time of another": int(usable.sum()) - sample.size,
        "samples missing within the recording": int((np.diff(sample) - 1).sum()),
    }
    labels = distinct_labels(shape.columns)
    return Counted(labels, SpikeCounts(gridded, period_ns), gaps_ns, _warnings_of(found))


def event_spikes(
    stamps_ns: Int64Array, values: AnyArray, shape: SpikeStream, origin_ns: int
) -> Counted:
    """Single spikes; channels and units counted from 1, each unit kept apart."""
    if shape.channel_column is None:
        raise SessionError(
            f"the events' columns {', '.join(map(repr, shape.columns))} name no channel: label one "
            "of them 'channel'"
        )
    channel = values[:, shape.channel_column].astype(np.float64)
    has_unit = shape.unit_column is not None
    unit = values[:, shape.unit_column].astype(np.float64) if has_unit else np.ones(len(values))
    largest = len(shape.electrodes) or 65_535
    valid = (channel == np.floor(channel)) & (channel >= 1) & (channel <= largest)
    valid &= (unit == np.floor(unit)) & (unit >= 0) & (unit <= 65_535)
    number, unit_number = channel[valid].astype(np.int64), unit[valid].astype(np.int64)
    n_channels = len(shape.electrodes) or int(number.max(initial=0))
    labels = shape.electrodes or tuple(f"elec{index + 1:03d}" for index in range(n_channels))
    pairs, of_spike = np.unique(
        np.stack([number - 1, unit_number], axis=1), axis=0, return_inverse=True
    )
    in_order = np.argsort(stamps_ns[valid], kind="stable")
    spikes = SpikeTimes(
        stamps_ns[valid][in_order] - origin_ns,
        of_spike.ravel()[in_order].astype(np.int32),
        tuple(f"{labels[index]}/{unit}" for index, unit in pairs.tolist()),
        pairs[:, 0].astype(np.int32),
        n_channels,
    )
    found = {"events without a valid channel and unit": int((~valid).sum())}
    # Nobody says when the recording began: a silent second is hardly of a living array.
    begun_ns = origin_ns + int(spikes.time_ns[0]) if spikes.time_ns.size else origin_ns
    is_late = begun_ns - origin_ns > _LONGEST_HISTORY_NS
    gaps_ns = np.array([[origin_ns, begun_ns]] if is_late else [], dtype=np.int64).reshape(-1, 2)
    return Counted(labels, spikes, gaps_ns, _warnings_of(found))


class CrossingFinder:
    """Threshold crossings of voltage, by the detector that decodes live; a chunk after another."""

    def __init__(self, labels: tuple[str, ...], rate_hz: float) -> None:
        self._labels = labels
        self._detector = Detector(len(labels), rate_hz, DetectorSettings())
        self._times: list[Int64Array] = []
        self._channels: list[Int64Array] = []

    @property
    def n_blind(self) -> int:
        """How many of the next samples can hold no crossing."""
        return self._detector.n_blind

    def push(self, stamps_ns: Int64Array, voltage: AnyArray) -> None:
        """Look through samples ``(sample, channel)``, stamped by their ends."""
        crossings = np.zeros(voltage.shape, dtype=np.int8)
        self._detector.detect(voltage, crossings)
        sample, channel = np.nonzero(crossings > 0)
        self._times.append(stamps_ns[sample])
        self._channels.append(channel)

    def spikes(self, origin_ns: int) -> SpikeTimes:
        """All that were found, in time since ``origin_ns``."""
        n = len(self._labels)
        return SpikeTimes(
            np.concatenate([*self._times, np.zeros(0, dtype=np.int64)]) - origin_ns,
            np.concatenate([*self._channels, np.zeros(0, dtype=np.int64)]).astype(np.int32),
            self._labels,
            np.arange(n, dtype=np.int32),
            n,
        )


def broadband_spikes(
    stamps_ns: Int64Array, voltage: AnyArray, shape: SpikeStream, origin_ns: int
) -> Counted:
    """Threshold crossings of a stream of voltage."""
    labels = distinct_labels(shape.columns)
    finder = CrossingFinder(labels, shape.rate_hz)
    n_blind = finder.n_blind
    for begin in range(0, len(voltage), _AT_ONCE):
        chunk = slice(begin, begin + _AT_ONCE)
        finder.push(stamps_ns[chunk], np.ascontiguousarray(voltage[chunk]))
    learned_ns = stamps_ns[min(n_blind, len(stamps_ns) - 1)]
    gap = np.array([[origin_ns, learned_ns]], dtype=np.int64)
    return Counted(labels, finder.spikes(origin_ns), gap, ())


@contextmanager
def foreign_file(what: str, expected: str = "") -> Iterator[None]:
    """Around a library that reads a file: its warnings are kept quiet, its errors are ours.

    Whatever libraries and NumPy meet in a file that lies becomes a SessionError of one line.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except SessionError:
        raise
    except Exception as error:
        first = (str(error).splitlines() or [""])[0][:_LONGEST_WORDS]
        raise SessionError(
            f"no usable {what}: {type(error).__name__}: {first}{expected}"
        ) from error


def merged_trains(
    trains: Sequence[Int64Array],
    unit_ids: tuple[str, ...],
    unit_channel: Int32Array,
    n_channels: int,
) -> SpikeTimes:
    """Each unit's spike times as one train; spikes of one nanosecond in the order of units."""
    time_ns = np.concatenate([*trains, np.zeros(0, dtype=np.int64)])
    unit = np.repeat(np.arange(len(trains), dtype=np.int32), [len(train) for train in trains])
    in_order = np.lexsort((unit, time_ns))
    return SpikeTimes(time_ns[in_order], unit[in_order], unit_ids, unit_channel, n_channels)


def angles_deg(way: FloatArray) -> FloatArray:
    """Directions from 0 to 360 of ways ``(trial, 2)``."""
    return np.asarray(np.rad2deg(np.arctan2(way[:, 1], way[:, 0])) % 360.0)


def told_directions_deg(told: FloatArray, way_cm: FloatArray) -> tuple[FloatArray, str]:
    """Directions that are told in an unknown unit, and which it must be.

    Where none is told (NaN), that in which the reach went.
    """
    is_told = np.isfinite(told)
    in_radians = bool((np.abs(told[is_told]) <= 2 * np.pi + 1e-6).all())
    degrees = (np.rad2deg(told) if in_radians else told) % 360.0
    return np.where(is_told, degrees, angles_deg(way_cm)), "radians" if in_radians else "degrees"


def trials_of(
    markers: Sequence[tuple[int, str]], kinematics: Kinematics | None
) -> tuple[Trials | None, int]:
    """Whole trials of a replay's or task's markers, and how many were not whole.

    ``markers``: time in ns and text. The target is where the reach ended, by the kinematics.
    """
    by_number: dict[int, dict[TrialEvent, tuple[int, float]]] = {}
    for time_ns, text in markers:
        if marker := parse_trial_marker(text):
            trial = by_number.setdefault(marker.trial, {})
            trial.setdefault(marker.event, (time_ns, marker.direction_deg))
    rows = sorted(
        (trial[START][0], trial[GO][0], trial[END][0], trial[GO][1])
        for trial in by_number.values()
        if len(trial) == 3 and trial[START][0] <= trial[GO][0] < trial[END][0]
    )
    whole = [row for row, after in zip_longest(rows, rows[1:]) if _is_clear(row, after)]
    if not whole:
        return None, len(by_number)
    start, go, end = (
        np.array(column, dtype=np.int64) for column in list(zip(*whole, strict=True))[:3]
    )
    way_cm = ways_cm(go, end, kinematics)
    direction = np.array([row[3] for row in whole])
    known = np.where(np.isfinite(direction), direction, angles_deg(way_cm))
    return Trials(start, go, end, known, way_cm), len(by_number) - len(whole)


def _is_clear(row: tuple[int, int, int, float], after: tuple[int, int, int, float] | None) -> bool:
    """Whether a trial ends after it starts, before the next one starts."""
    return row[2] > row[0] and (after is None or after[0] >= row[2])


def ways_cm(go_ns: Int64Array, end_ns: Int64Array, kinematics: Kinematics | None) -> FloatArray:
    """How far each reach went, ``(trial, 2)``; 0 where that is not known."""
    if kinematics is None:
        return np.zeros((len(go_ns), 2))
    steps_s = np.diff(kinematics.time_ns, prepend=kinematics.time_ns[0]) / NS_PER_S
    usual_s = float(np.median(steps_s))
    path_cm = np.cumsum(
        kinematics.velocity_cm_s * np.minimum(steps_s, 2 * usual_s)[:, None], axis=0
    )
    first, last = (
        np.searchsorted(kinematics.time_ns, ns, "right").clip(1) - 1 for ns in (go_ns, end_ns)
    )
    return np.asarray(path_cm[last] - path_cm[first])


def distinct_labels(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Labels of all columns; numbered ones where they have none, or not of their own."""
    if all(columns) and len(set(columns)) == len(columns):
        return columns
    return tuple(f"elec{number + 1:03d}" for number in range(len(columns)))


def _warnings_of(found: dict[str, int]) -> tuple[str, ...]:
    return tuple(f"{n:,} {what}" for what, n in found.items() if n)
