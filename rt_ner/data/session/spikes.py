"""Spikes of a session: times of single spikes, or counts in bins."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rt_ner.core.arrays import Int32Array, Int64Array
from rt_ner.core.clock import NS_PER_MS, NS_PER_S, next_grid_line_ns
from rt_ner.core.errors import SessionError
from rt_ner.data.session.gaps import NO_GAPS, check_gaps, recorded
from rt_ner.decoding.binning.kernels.grid import count_events
from rt_ner.decoding.chunks import EventChunk, RasterChunk

# Finer than a refractory period, so that a unit's counts stay 0 or 1.
_RASTER_PERIOD_NS = NS_PER_MS
_CHUNK_SAMPLES = 4096
_EVENTS_NS = 4 * NS_PER_S


@dataclass(frozen=True, eq=False)
class SpikeTimes:
    """Spike times of sorted or unsorted units.

    Parameters
    ----------
    time_ns : ndarray of int64, shape (n_spikes,)
        Time of each spike in ns since the session's start, ascending.
    unit : ndarray of int32, shape (n_spikes,)
        Index of the unit that fired each spike.
    unit_ids : tuple of str, length n_units
        Name of each unit.
    unit_channel : ndarray of int32, shape (n_units,)
        Index of the channel that each unit is counted on.
    n_channels : int
        Number of channels.
    gaps_ns : ndarray of int64, shape (n_gaps, 2)
        Start and end of each stretch in which spikes were not recorded, in order. Spikes in a gap
        are left out. Default: none.

    Raises
    ------
    SessionError
        If the arrays don't fit together, or times or gaps are not in order.

    """

    time_ns: Int64Array
    unit: Int32Array
    unit_ids: tuple[str, ...]
    unit_channel: Int32Array
    n_channels: int
    gaps_ns: Int64Array = field(default_factory=NO_GAPS.copy)

    def __post_init__(self) -> None:
        check_gaps(self.gaps_ns)
        if self.time_ns.shape != self.unit.shape:
            raise SessionError(
                f"{self.time_ns.size} spike times but {self.unit.size} spike units: "
                "every spike needs one of each"
            )
        if np.any(np.diff(self.time_ns) < 0):
            raise SessionError("spike times run backwards: sort them before saving the session")
        if len(self.unit_ids) != self.unit_channel.size:
            raise SessionError(
                f"{len(self.unit_ids)} unit ids for {self.unit_channel.size} units: "
                "every unit needs one"
            )
        _check_indices("unit", self.unit, self.unit_channel.size)
        _check_indices("channel", self.unit_channel, self.n_channels)

    def __repr__(self) -> str:
        return (
            f"<SpikeTimes: {self.n_channels} channels, {len(self.unit_ids)} units, "
            f"{self.n_spikes:,} spikes>"
        )

    def hashed(self) -> Iterator[bytes]:
        """Yield everything that tells these spikes from others."""
        yield from _hashed(vars(self))

    @property
    def n_spikes(self) -> int:
        """Number of spikes."""
        return self.time_ns.size

    @property
    def end_ns(self) -> int:
        """Time of the last spike in ns, 0 without any."""
        return int(self.time_ns[-1]) if self.time_ns.size else 0

    @property
    def raster_period_ns(self) -> int:
        """Length of a raster sample in ns: one millisecond."""
        return _RASTER_PERIOD_NS

    def raster(self, start_ns: int, end_ns: int) -> Iterator[RasterChunk]:
        """Yield counts per channel for the whole milliseconds within ``[start_ns, end_ns)``.

        Milliseconds that touch a gap are left out.
        """
        for stretch in recorded(self.gaps_ns, start_ns, end_ns):
            yield from self._raster(*stretch)

    def _raster(self, start_ns: int, end_ns: int) -> Iterator[RasterChunk]:
        """Yield the raster of a stretch without a gap."""
        period_ns = self.raster_period_ns
        first = next_grid_line_ns(start_ns, period_ns) // period_ns
        last = end_ns // period_ns
        for sample in range(first, last, _CHUNK_SAMPLES):
            n_samples = min(_CHUNK_SAMPLES, last - sample)
            begin_ns = sample * period_ns
            inside = self._between(begin_ns, begin_ns + n_samples * period_ns)
            counts = np.zeros((n_samples, self.n_channels), dtype=np.uint8)
            channels = self.unit_channel[self.unit[inside]]
            count_events(self.time_ns[inside], channels, begin_ns, period_ns, counts)
            yield RasterChunk(_sample_ends_ns(sample, n_samples, period_ns), counts)

    def events(self, start_ns: int, end_ns: int) -> Iterator[EventChunk]:
        """Yield the single spikes in ``[start_ns, end_ns)``; channels and units count from 1."""
        unit_number = _rank_within(self.unit_channel) + 1
        for first_ns, last_ns in recorded(self.gaps_ns, start_ns, end_ns):
            for begin_ns in range(first_ns, last_ns, _EVENTS_NS):
                inside = self._between(begin_ns, min(begin_ns + _EVENTS_NS, last_ns))
                unit = self.unit[inside]
                yield EventChunk(
                    self.time_ns[inside],
                    (self.unit_channel[unit] + 1).astype(np.float64),
                    unit_number[unit].astype(np.float64),
                )

    def _between(self, begin_ns: int, end_ns: int) -> slice:
        """Return the slice of the spikes in ``[begin_ns, end_ns)``."""
        return slice(*np.searchsorted(self.time_ns, [begin_ns, end_ns]))


@dataclass(frozen=True, eq=False)
class SpikeCounts:
    """Spikes that were already counted in bins when the session was stored.

    Parameters
    ----------
    counts : ndarray of uint8, shape (n_bins, n_channels)
        Number of spikes per bin and channel; the first bin begins at the session's start. For
        spike-band power: its sums, as uint16.
    bin_ns : int
        Length of a bin in ns.
    gaps_ns : ndarray of int64, shape (n_gaps, 2)
        Start and end of each stretch in which spikes were not recorded, in order. Bins that touch
        a gap are left out. Default: none.

    Raises
    ------
    SessionError
        If the gaps are not in order.

    """

    counts: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    bin_ns: int
    gaps_ns: Int64Array = field(default_factory=NO_GAPS.copy)

    def __post_init__(self) -> None:
        check_gaps(self.gaps_ns)

    def __repr__(self) -> str:
        return (
            f"<SpikeCounts: {self.n_channels} channels, {len(self.counts):,} bins of "
            f"{self.bin_ns / NS_PER_MS:g} ms, {self.n_spikes:,} spikes>"
        )

    def hashed(self) -> Iterator[bytes]:
        """Yield everything that tells these spikes from others."""
        yield from _hashed(vars(self))

    @property
    def end_ns(self) -> int:
        """End of the last bin in ns."""
        return len(self.counts) * self.bin_ns

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return int(self.counts.shape[1])

    @property
    def n_spikes(self) -> int:
        """Number of spikes."""
        return int(self.counts.sum())

    @property
    def raster_period_ns(self) -> int:
        """Length of a raster sample in ns: the stored bin, which can't be split."""
        return self.bin_ns

    def raster(self, start_ns: int, end_ns: int) -> Iterator[RasterChunk]:
        """Yield the stored counts of the whole bins within ``[start_ns, end_ns)``."""
        for begin_ns, until_ns in recorded(self.gaps_ns, start_ns, end_ns):
            first = next_grid_line_ns(begin_ns, self.bin_ns) // self.bin_ns
            last = min(until_ns // self.bin_ns, len(self.counts))
            for sample in range(first, last, _CHUNK_SAMPLES):
                counts = self.counts[sample : min(sample + _CHUNK_SAMPLES, last)]
                yield RasterChunk(_sample_ends_ns(sample, len(counts), self.bin_ns), counts)

    def events(self, start_ns: int, end_ns: int) -> Iterator[EventChunk]:
        """Yield the stored counts as single spikes, evenly spread over their bins."""
        for chunk in self.raster(start_ns, end_ns):
            sample, channel = np.nonzero(chunk.counts)
            n = chunk.counts[sample, channel].astype(np.int64)
            rank = _rank_within(np.repeat(np.arange(n.size), n))
            begin_ns = np.repeat(chunk.stamp_ns[sample] - self.bin_ns, n)
            time_ns = begin_ns + (2 * rank + 1) * self.bin_ns // (2 * np.repeat(n, n))
            in_order = np.argsort(time_ns, kind="stable")
            number = (np.repeat(channel, n)[in_order] + 1).astype(np.float64)
            yield EventChunk(time_ns[in_order], number, np.ones(number.size))


def _hashed(parts: Mapping[str, Any]) -> Iterator[bytes]:
    for value in parts.values():
        yield value.tobytes() if hasattr(value, "tobytes") else repr(value).encode()


def _sample_ends_ns(first: int, n_samples: int, period_ns: int) -> Int64Array:
    """Return the end times of consecutive raster samples."""
    return np.arange(first + 1, first + 1 + n_samples, dtype=np.int64) * period_ns


def _rank_within(group: npt.NDArray[np.integer[Any]]) -> Int64Array:
    """Return, for each element, the number of earlier elements of the same group."""
    in_groups = np.argsort(group, kind="stable")
    ordered = group[in_groups]
    first = np.searchsorted(ordered, ordered)
    rank = np.empty(group.size, dtype=np.int64)
    rank[in_groups] = np.arange(group.size) - first
    return rank


def _check_indices(name: str, index: Int32Array, size: int) -> None:
    """Raise SessionError if an index is out of range."""
    if index.size and not (index.min() >= 0 and index.max() < size):
        raise SessionError(
            f"{name} indices go from {index.min()} to {index.max()}, expected 0 to {size - 1}"
        )
