"""Bins: spikes into counts on the one global grid; the only place that says which bin is whose.

A hop is ``[k·hop, (k+1)·hop)`` for whole k, half-open, on the clock's own zero. Two inputs reach
the grid: single spikes (`count_events`, by the time of the spike) and raster samples
(`HopCounter`, by the *centre* of the interval that the sample counts, so that a stamp that is off
by less than half a sample, by rounding or jitter, changes nothing).
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from numba import njit

from rt_ner.arrays import AnyArray, Float32Array, Int64Array
from rt_ner.messages import RasterChunk

# Slots of the counter's state vector.
_PHASE, _OPEN_HOP, _FILLED, _NEWEST_NS, _LATE, _MISSING = range(6)
# Phases: nothing seen yet; discarding until a hop begins whole; counting; a hop just closed.
_EMPTY, _ALIGNING, _COUNTING, _CLOSED = range(4)
_NO_SAMPLE_NS = -(2**62)


@njit(cache=True)
def count_events(
    time_ns: Int64Array,
    channel: npt.NDArray[np.int32],
    start_ns: int,
    bin_ns: int,
    counts: npt.NDArray[np.uint8],
) -> None:
    """Add events to ``counts`` ``(bin, channel)``, whose first bin begins at ``start_ns``.

    Events outside the bins are left out.
    """
    for event in range(time_ns.size):
        index = (time_ns[event] - start_ns) // bin_ns
        if 0 <= index < counts.shape[0]:
            counts[index, channel[event]] += 1


class HopCounter:
    """Counts raster samples into hops; a hop closes when the samples' own time has passed it.

    The watermark is the earliest centre that the next sample may have, a quarter of a period of
    jitter allowed: a hop closes with the very sample that completes it, never because a chunk
    ended. A hop that lost some of its samples is still reported, and the loss counted; one that
    lost all is not, nor is a hop that the input begins within, at the start or after such a gap:
    what was not measured is not silence.

    ``counts``: ``(channel,)``, the counts of the hop that was last closed.
    """

    def __init__(self, n_channels: int, hop_ns: int, period_ns: int) -> None:
        self._hop_ns = hop_ns
        self._period_ns = period_ns
        self._state = np.zeros(6, dtype=np.int64)
        self._state[_NEWEST_NS] = _NO_SAMPLE_NS
        self.counts: Float32Array = np.zeros(n_channels, dtype=np.float32)

    def reset(self) -> None:
        """Forget the open hop, after an outage; what the outage cost is counted when it ends."""
        self._state[_PHASE] = _EMPTY

    def restart(self) -> None:
        """Forget the source's time too: another source, or the same one anew. The totals stay."""
        self.reset()
        self._state[_NEWEST_NS] = _NO_SAMPLE_NS

    @property
    def n_late(self) -> int:
        """Samples dropped because their time did not advance."""
        return int(self._state[_LATE])

    @property
    def n_missing(self) -> int:
        """Samples that the source's own stamps show to be missing."""
        return int(self._state[_MISSING])

    @property
    def newest_ns(self) -> int:
        """Stamp of the newest sample."""
        return int(self._state[_NEWEST_NS])

    def push(self, chunk: RasterChunk) -> Iterator[int]:
        """Take a chunk; yield the end (ns) of each hop it closes, ``counts`` being that hop's."""
        used = 0
        while True:
            used = _advance(
                chunk.stamp_ns,
                chunk.counts,
                used,
                self._hop_ns,
                self._period_ns,
                self._state,
                self.counts,
            )
            if self._state[_PHASE] != _CLOSED:
                return
            yield int((self._state[_OPEN_HOP] + 1) * self._hop_ns)


@njit(cache=True)
def _open(state: Int64Array, hop_counts: Float32Array, hop: int) -> None:
    """Begin a hop with nothing counted."""
    state[_OPEN_HOP] = hop
    state[_FILLED] = 0
    hop_counts[:] = 0


@njit(cache=True)
def _advance(
    stamp_ns: Int64Array,
    counts: AnyArray,
    used: int,
    hop_ns: int,
    period_ns: int,
    state: Int64Array,
    hop_counts: Float32Array,
) -> int:
    """Count samples from ``used`` on until a hop closes or the chunk ends; return the new used."""
    half_ns, jitter_ns = period_ns // 2, period_ns // 4
    if state[_PHASE] == _CLOSED:
        state[_PHASE] = _COUNTING
        _open(state, hop_counts, state[_OPEN_HOP] + 1)
    for sample in range(used, stamp_ns.size):
        stamp = stamp_ns[sample]
        hop = (stamp - half_ns) // hop_ns
        if state[_PHASE] != _EMPTY and stamp <= state[_NEWEST_NS]:
            state[_LATE] += 1
            continue
        if state[_PHASE] == _COUNTING and hop > state[_OPEN_HOP] and state[_FILLED] > 0:
            # The rest of the open hop is lost. This sample is looked at again afterwards.
            state[_PHASE] = _CLOSED
            return sample
        if state[_NEWEST_NS] != _NO_SAMPLE_NS:
            lost = (stamp - state[_NEWEST_NS] + half_ns) // period_ns - 1
            state[_MISSING] += max(lost, 0)
        state[_NEWEST_NS] = stamp
        if state[_PHASE] == _EMPTY or hop != state[_OPEN_HOP]:
            # The sample before this one would have been another hop's.
            begins_whole = stamp - half_ns - period_ns < hop * hop_ns
            state[_PHASE] = _COUNTING if begins_whole else _ALIGNING
            _open(state, hop_counts, hop)
        if state[_PHASE] == _COUNTING:
            state[_FILLED] += 1
            for channel in range(hop_counts.size):
                hop_counts[channel] += counts[sample, channel]
            if stamp + jitter_ns >= (hop + 1) * hop_ns:
                state[_PHASE] = _CLOSED
                return sample + 1
    return stamp_ns.size
