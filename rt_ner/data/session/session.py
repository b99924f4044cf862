"""Session: what a lab records, as one immutable type, in the session's own clock.

Time is int64 ns from the session's start. Arrays are ``(time, channel)``. A *channel* is what
the decoder sees as one input: an electrode (its units pooled) or one sorted unit.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from rt_ner.core.arrays import BoolArray, FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_MS, NS_PER_S, next_grid_line_ns
from rt_ner.core.errors import SessionError
from rt_ner.decoding.binning.raster import count_events
from rt_ner.decoding.chunks import EventChunk, RasterChunk

RASTER_PERIOD_NS = NS_PER_MS
_CHUNK_SAMPLES = 4096
_EVENTS_NS = 4 * NS_PER_S


@dataclass(frozen=True, eq=False)
class SpikeTimes:
    """Spike times of sorted or unsorted units.

    ``time_ns``: ``(spike,)``, ascending. ``unit``: ``(spike,)``, index of the unit that fired.
    ``unit_ids`` and ``unit_channel``: ``(unit,)``, its name and the index of the channel that it
    is counted on.
    """

    time_ns: Int64Array
    unit: npt.NDArray[np.int32]
    unit_ids: tuple[str, ...]
    unit_channel: npt.NDArray[np.int32]
    n_channels: int

    def __post_init__(self) -> None:
        if self.time_ns.shape != self.unit.shape:
            raise SessionError(
                f"{self.time_ns.size} spike times but {self.unit.size} spike units: "
                "each spike needs one of both"
            )
        if np.any(np.diff(self.time_ns) < 0):
            raise SessionError("spike times run backwards: sort them before saving the session")
        if len(self.unit_ids) != self.unit_channel.size:
            raise SessionError(
                f"{len(self.unit_ids)} unit ids for {self.unit_channel.size} units: each needs one"
            )
        _check_indices("unit", self.unit, self.unit_channel.size)
        _check_indices("unit's channel", self.unit_channel, self.n_channels)

    @property
    def raster_period_ns(self) -> int:
        """One millisecond: finer than a refractory period, so that counts stay 0 or 1 a unit."""
        return RASTER_PERIOD_NS

    def raster(self, start_ns: int, end_ns: int) -> Iterator[RasterChunk]:
        """Counts a channel for the whole milliseconds within ``[start_ns, end_ns)``."""
        period_ns = self.raster_period_ns
        first = next_grid_line_ns(start_ns, period_ns) // period_ns
        last = end_ns // period_ns
        for sample in range(first, last, _CHUNK_SAMPLES):
            n_samples = min(_CHUNK_SAMPLES, last - sample)
            begin_ns = sample * period_ns
            inside = slice(
                *np.searchsorted(self.time_ns, [begin_ns, begin_ns + n_samples * period_ns])
            )
            counts = np.zeros((n_samples, self.n_channels), dtype=np.uint8)
            channels = self.unit_channel[self.unit[inside]]
            count_events(self.time_ns[inside], channels, begin_ns, period_ns, counts)
            yield RasterChunk(_sample_ends_ns(sample, n_samples, period_ns), counts)

    def events(self, start_ns: int, end_ns: int) -> Iterator[EventChunk]:
        """The single spikes within ``[start_ns, end_ns)``; channels and their units from 1."""
        unit_number = _rank_within(self.unit_channel) + 1
        for begin_ns in range(start_ns, end_ns, _EVENTS_NS):
            last_ns = min(begin_ns + _EVENTS_NS, end_ns)
            inside = slice(*np.searchsorted(self.time_ns, [begin_ns, last_ns]))
            unit = self.unit[inside]
            yield EventChunk(
                self.time_ns[inside],
                (self.unit_channel[unit] + 1).astype(np.float64),
                unit_number[unit].astype(np.float64),
            )


@dataclass(frozen=True, eq=False)
class SpikeCounts:
    """Spikes that were counted when the session was stored: ``counts`` is ``(bin, channel)``."""

    counts: npt.NDArray[np.uint8]
    bin_ns: int

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return int(self.counts.shape[1])

    @property
    def raster_period_ns(self) -> int:
        """The stored bin: counts can't be taken apart again."""
        return self.bin_ns

    def raster(self, start_ns: int, end_ns: int) -> Iterator[RasterChunk]:
        """The stored counts of the whole bins within ``[start_ns, end_ns)``."""
        first = next_grid_line_ns(start_ns, self.bin_ns) // self.bin_ns
        last = min(end_ns // self.bin_ns, len(self.counts))
        for sample in range(first, last, _CHUNK_SAMPLES):
            counts = self.counts[sample : min(sample + _CHUNK_SAMPLES, last)]
            yield RasterChunk(_sample_ends_ns(sample, len(counts), self.bin_ns), counts)

    def events(self, start_ns: int, end_ns: int) -> Iterator[EventChunk]:
        """The stored counts as single spikes, spread evenly over their bins; channels from 1."""
        for chunk in self.raster(start_ns, end_ns):
            sample, channel = np.nonzero(chunk.counts)
            n = chunk.counts[sample, channel].astype(np.int64)
            rank = _rank_within(np.repeat(np.arange(n.size), n))
            begin_ns = np.repeat(chunk.stamp_ns[sample] - self.bin_ns, n)
            time_ns = begin_ns + (2 * rank + 1) * self.bin_ns // (2 * np.repeat(n, n))
            in_order = np.argsort(time_ns, kind="stable")
            number = (np.repeat(channel, n)[in_order] + 1).astype(np.float64)
            yield EventChunk(time_ns[in_order], number, np.ones(number.size))


@dataclass(frozen=True, eq=False)
class Kinematics:
    """Hand or cursor velocity: ``velocity_cm_s`` is ``(sample, 2)``, stamped by ``time_ns``.

    Samples may have gaps (no kinematics between trials, say) but hold no NaN.
    """

    time_ns: Int64Array
    velocity_cm_s: FloatArray

    def __post_init__(self) -> None:
        if not self.time_ns.size:
            raise SessionError("no kinematics: a session needs the velocity to be decoded")
        if self.velocity_cm_s.shape != (self.time_ns.size, 2):
            raise SessionError(
                f"velocity has shape {self.velocity_cm_s.shape}, expected "
                f"({self.time_ns.size}, 2): one x and y a time stamp"
            )
        bad = np.flatnonzero(~np.isfinite(self.velocity_cm_s).all(axis=1))
        if bad.size:
            raise SessionError(
                f"kinematics hold {bad.size} NaN or infinite samples, the first at "
                f"{self.time_ns[bad[0]] / 1e9:.3f} s: cut them out or interpolate them first"
            )
        if np.any(np.diff(self.time_ns) <= 0):
            raise SessionError("kinematics' time stamps don't ascend: sort them, drop duplicates")

    def at(self, time_ns: Int64Array) -> tuple[FloatArray, BoolArray]:
        """Velocity ``(time, 2)`` in cm/s at other times, and whether it is known there.

        Linear between neighbouring samples; unknown outside them and inside a gap (more than
        twice the usual interval).
        """
        own_ns = self.time_ns
        velocity = np.stack(
            [np.interp(time_ns, own_ns, axis_cm_s) for axis_cm_s in self.velocity_cm_s.T], axis=1
        )
        right = np.searchsorted(own_ns, time_ns).clip(0, own_ns.size - 1)
        exact = own_ns[right] == time_ns
        interval_ns = own_ns[right] - own_ns[(right - 1).clip(0)]
        usual_ns = np.median(np.diff(own_ns)) if own_ns.size > 1 else 0
        inside = (time_ns >= own_ns[0]) & (time_ns <= own_ns[-1])
        return velocity, exact | (inside & (interval_ns <= 2 * usual_ns))


@dataclass(frozen=True, eq=False)
class Trials:
    """Reaches in recorded order; every array is ``(trial, …)``. A trial is ``(start, end]``."""

    start_ns: Int64Array
    go_ns: Int64Array
    end_ns: Int64Array
    direction_deg: FloatArray
    target_cm: FloatArray

    def __post_init__(self) -> None:
        lengths = {name: len(values) for name, values in vars(self).items()}
        if len(set(lengths.values())) > 1:
            raise SessionError(f"trials' arrays differ in length: {lengths}")
        if np.any(self.end_ns <= self.start_ns) or np.any(self.start_ns[1:] < self.end_ns[:-1]):
            raise SessionError(
                "trials overlap or end before they start: they must stand in recorded order"
            )
        if not np.isfinite(self.direction_deg).all():
            raise SessionError("a trial's reach direction is NaN: every trial needs one in degrees")

    def __len__(self) -> int:
        return self.start_ns.size

    def index_at(self, time_ns: Int64Array) -> Int64Array:
        """Trial that each time falls in, −1 between trials."""
        trial = np.searchsorted(self.end_ns, time_ns).clip(0, len(self) - 1)
        inside = (time_ns > self.start_ns[trial]) & (time_ns <= self.end_ns[trial])
        return np.where(inside, trial, -1).astype(np.int64)

    def n_train(self, held_out: float) -> int:
        """How many of the first trials train when the last ``held_out`` part is kept for testing.

        Both parts keep at least one trial.
        """
        if len(self) < 2:
            raise SessionError(
                f"{len(self)} trial(s): at least 2 are needed, one to train on and one held out"
            )
        return min(max(int((1.0 - held_out) * len(self) + 1e-9), 1), len(self) - 1)


@dataclass(frozen=True, eq=False)
class Session:
    """One recorded or simulated session: spikes, kinematics, trials, and where it came from."""

    name: str
    area: str
    channel_ids: tuple[str, ...]
    spikes: SpikeTimes | SpikeCounts
    kinematics: Kinematics
    trials: Trials
    provenance: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.channel_ids) != self.spikes.n_channels:
            raise SessionError(
                f"{len(self.channel_ids)} channel ids for {self.spikes.n_channels} channels"
            )
        if len(set(self.channel_ids)) != len(self.channel_ids):
            raise SessionError("channel ids repeat: each channel needs an id of its own")
        if not len(self.trials):
            raise SessionError("no trials: a session needs at least one reach")

    @cached_property
    def sha256(self) -> str:
        """Hash of what was recorded, whatever file it was read from."""
        digest = hashlib.sha256("\n".join((self.area, *self.channel_ids)).encode())
        for part in (self.spikes, self.kinematics, self.trials):
            for value in vars(part).values():
                digest.update(
                    value.tobytes() if hasattr(value, "tobytes") else repr(value).encode()
                )
        return digest.hexdigest()

    @cached_property
    def end_ns(self) -> int:
        """End of the last trial."""
        return int(self.trials.end_ns[-1])


def _sample_ends_ns(first: int, n_samples: int, period_ns: int) -> Int64Array:
    """End stamps of consecutive raster samples."""
    return np.arange(first + 1, first + 1 + n_samples, dtype=np.int64) * period_ns


def _rank_within(group: npt.NDArray[np.integer[Any]]) -> Int64Array:
    """For each element, how many of the same group stand before it."""
    in_groups = np.argsort(group, kind="stable")
    ordered = group[in_groups]
    first = np.searchsorted(ordered, ordered)
    rank = np.empty(group.size, dtype=np.int64)
    rank[in_groups] = np.arange(group.size) - first
    return rank


def _check_indices(what: str, index: npt.NDArray[np.int32], size: int) -> None:
    if index.size and not (index.min() >= 0 and index.max() < size):
        raise SessionError(f"a {what} index lies outside 0…{size - 1}")
