"""Count spikes into hops on the one global grid; no other module assigns times to bins.

A hop is ``[k·hop, (k+1)·hop)`` for whole k, half-open, counted from zero of the clock. Two inputs
reach the grid: single spikes by their time (`hop_of`), and regular samples by the *centre* of the
interval that they cover (`RasterBinner`), so that a stamp that is off by less than half a sample,
by rounding or jitter, changes nothing.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from rt_ner.core.arrays import AnyArray, Float32Array, Int32Array, Int64Array
from rt_ner.core.clock import FOREVER_NS, NEVER_NS
from rt_ner.core.contract.input_counts import InputCounts, empty_input_counts
from rt_ner.core.errors import StreamError
from rt_ner.decoding.chunks import RasterChunk

# A jump of the stamps by more shows that a clock was set. So many newest stamps are kept, to
# recognise repeats.
CLOCK_STEP_NS = 200_000_000
_N_REMEMBERED = 1024
# Slots of the binner's state vector.
_PHASE, _OPEN_HOP, _FILLED, _NEWEST_NS, _LAG_NS, _INVALID, _NEXT_SLOT = range(7)
# Phases: nothing seen yet; discarding until a hop begins whole; counting; a hop just closed.
_EMPTY, _ALIGNING, _COUNTING, _CLOSED = range(4)


@njit(cache=True)
def hop_of(time_ns: int, hop_ns: int) -> int:
    """Return the number of the hop, or bin, that a time belongs to."""
    return time_ns // hop_ns


@njit(cache=True)
def count_events(
    time_ns: Int64Array,
    channel: npt.NDArray[np.int32],
    start_ns: int,
    bin_ns: int,
    counts: npt.NDArray[np.uint8],
) -> None:
    """Add events to ``counts`` ``(bin, channel)``, the first bin beginning at ``start_ns``.

    Events outside the bins are left out.
    """
    for event in range(time_ns.size):
        index = hop_of(time_ns[event] - start_ns, bin_ns)
        if 0 <= index < counts.shape[0]:
            counts[index, channel[event]] += 1


class _Grid(NamedTuple):
    """Fixed times: hop, sample period, and the jump that shows that a clock was set."""

    hop_ns: int
    period_ns: float
    step_ns: int


class RasterBinner:
    """A binner that counts regular samples; a hop closes when the samples' own time passes it.

    The watermark is the earliest centre that the next sample may have, with a quarter of a period
    allowed for jitter. So a hop closes with the sample that completes it, never because a chunk
    ended. A hop that lost some of its samples is still reported, and the loss counted. A hop that
    lost all of them is not, nor is one in which the input begins, at the start or after such a
    gap, because time that was not measured must not pass for silence. A sample out of order is
    used as long as its hop is open.

    Parameters
    ----------
    n_channels
        Number of channels to count for.
    columns
        Pairs of a column of the samples and the channel that it counts for, ``(pair, 2)``.
    hop_ns
        Width of a hop, in ns.
    period_ns
        Sample period, in ns.
    step_ns
        Stamps that jump back by more, in ns, or ahead of their arrival by more, show that a clock
        was set: counting starts over.

    """

    def __init__(
        self, n_channels: int, columns: Int32Array, hop_ns: int, period_ns: float, step_ns: int
    ) -> None:
        self._grid = _Grid(hop_ns, float(period_ns), step_ns)
        self._columns = columns
        self._state = np.zeros(7, dtype=np.int64)
        self._stamps = np.full(_N_REMEMBERED, NEVER_NS, dtype=np.int64)
        self.counts: Float32Array = np.zeros(n_channels, dtype=np.float32)
        self.input_counts = empty_input_counts()
        self.restart(0)

    def due_ns(self, now_ns: int) -> int:  # noqa: ARG002 - the samples' own time rules
        """Return `FOREVER_NS`, because only samples end a hop."""
        return FOREVER_NS

    def reset(self, now_ns: int) -> None:  # noqa: ARG002 - the samples' own time rules
        """Forget the open hop, after an outage; the loss is counted when the outage ends."""
        self._state[_PHASE] = _EMPTY

    def restart(self, now_ns: int) -> None:
        """Forget the source's time too, for a new connection. The input counts stay."""
        self.reset(now_ns)
        self._state[_NEWEST_NS] = NEVER_NS
        self._stamps[:] = NEVER_NS

    @property
    def invalid(self) -> bool:
        """True if an invalid sample arrived in the hop that was closed last."""
        return bool(self._state[_INVALID])

    @property
    def newest_ns(self) -> int:
        """Stamp of the newest sample, in ns."""
        return int(self._state[_NEWEST_NS])

    def warm_up_as(self, dtype: np.dtype[np.generic]) -> None:
        """Compile for samples of this type; leave no trace."""
        n_columns = int(self._columns[:, 0].max()) + 1
        stamp_ns = np.arange(1, 3, dtype=np.int64) * self._grid.hop_ns
        input_counts = self.input_counts.copy()
        for _ in self.push(RasterChunk(stamp_ns, np.zeros((2, n_columns), dtype=dtype))):
            pass
        self.input_counts[:] = input_counts
        self.restart(0)

    def push(self, chunk: RasterChunk) -> Iterator[int]:
        """Count a chunk's samples; yield the end (ns) of each hop that it closes."""
        used = 0
        while True:
            used = _advance(
                chunk, used, self._grid, self._columns, self._stamps, self._state,
                (self.counts, self.input_counts),
            )  # fmt: skip
            if self._state[_PHASE] != _CLOSED:
                return
            yield int((self._state[_OPEN_HOP] + 1) * self._grid.hop_ns)


def raster_binner(
    n_channels: int,
    hop_ns: int,
    period_ns: float,
    columns: Int32Array | None = None,
    step_ns: int = CLOCK_STEP_NS,
) -> RasterBinner:
    """Return a binner for a raster of counts; ``columns`` None: one for each channel, in order.

    Raises StreamError unless a hop is a whole number of samples.
    """
    n_samples = round(hop_ns / period_ns)
    if not n_samples or abs(n_samples * period_ns - hop_ns) > n_samples:
        raise StreamError(
            f"raster samples of {period_ns / 1e6:g} ms don't fill the bundle's hops of "
            f"{hop_ns / 1e6:g} ms evenly: use a source whose sample period divides the hop, or "
            "train a bundle with another hop"
        )
    if columns is None:
        columns = np.repeat(np.arange(n_channels, dtype=np.int32)[:, None], 2, axis=1)
    return RasterBinner(n_channels, columns, hop_ns, period_ns, step_ns)


@njit(cache=True)
def _open(state: Int64Array, hop_counts: Float32Array, hop: int) -> None:
    """Begin a hop with nothing counted."""
    state[_OPEN_HOP] = hop
    state[_FILLED] = 0
    state[_INVALID] = 0
    hop_counts[:] = 0


@njit(cache=True)
def _is_valid(counts: AnyArray, columns: Int32Array) -> bool:
    """Return True if a sample's counts are neither negative nor NaN nor infinite."""
    for pair in range(columns.shape[0]):
        count = counts[columns[pair, 0]]
        if not 0 <= count < np.inf:
            return False
    return True


@njit(cache=True)
def _count(
    counts: AnyArray,
    columns: Int32Array,
    state: Int64Array,
    hop_counts: Float32Array,
    input_counts: Int64Array,
) -> None:
    """Add a sample to the open hop, if it is valid."""
    if not _is_valid(counts, columns):
        input_counts[InputCounts.INVALID] += 1
        state[_INVALID] = 1
        return
    input_counts[InputCounts.USED] += 1
    if state[_PHASE] == _COUNTING:
        for pair in range(columns.shape[0]):
            hop_counts[columns[pair, 1]] += counts[columns[pair, 0]]


@njit(cache=True)
def _follow_clock(
    stamp: int, arrived: int, state: Int64Array, grid: _Grid, input_counts: Int64Array
) -> None:
    """Start over if a stamp shows that a clock was set, rather than that data are late or lost.

    A clock set back shows at once. A clock set ahead shows by a stamp that is further ahead of its
    arrival than any before, and ahead of the previous sample.
    """
    if state[_NEWEST_NS] == NEVER_NS:
        return
    ahead = stamp - state[_NEWEST_NS]
    of_clock = min(stamp - (arrived - state[_LAG_NS]), ahead) if arrived > 0 else 0
    if ahead < -grid.step_ns or of_clock > grid.step_ns:
        input_counts[InputCounts.CLOCK_STEPS] += 1
        state[_PHASE], state[_NEWEST_NS] = _EMPTY, NEVER_NS


@njit(cache=True)
def _is_repeat(stamp: int, stamps: Int64Array) -> bool:
    """Return True if a sample with this very stamp came before."""
    for remembered in stamps:  # noqa: SIM110 - any() does not compile
        if remembered == stamp:
            return True
    return False


@njit(cache=True)
def _take_old(
    stamp: int,
    counts: AnyArray,
    columns: Int32Array,
    stamps: Int64Array,
    state: Int64Array,
    hop: int,
    totals: tuple[Float32Array, Int64Array],
) -> None:
    """Count a sample whose time does not advance: as out of order, or as too late."""
    hop_counts, input_counts = totals
    if state[_PHASE] == _COUNTING and hop == state[_OPEN_HOP]:
        input_counts[InputCounts.REORDERED] += 1
        input_counts[InputCounts.MISSING] -= 1
        state[_FILLED] += 1
        _remember(stamp, stamps, state)
        _count(counts, columns, state, hop_counts, input_counts)
    else:
        input_counts[InputCounts.LATE] += 1


@njit(cache=True)
def _remember(stamp: int, stamps: Int64Array, state: Int64Array) -> None:
    """Keep a stamp in the place of the oldest."""
    stamps[state[_NEXT_SLOT]] = stamp
    state[_NEXT_SLOT] = (state[_NEXT_SLOT] + 1) % stamps.size


@njit(cache=True)
def _advance(
    chunk: RasterChunk,
    used: int,
    grid: _Grid,
    columns: Int32Array,
    stamps: Int64Array,
    state: Int64Array,
    totals: tuple[Float32Array, Int64Array],
) -> int:
    """Count samples from ``used`` on until a hop closes or the chunk ends; return the next one."""
    hop_counts, input_counts = totals
    hop_ns, period_ns = grid.hop_ns, grid.period_ns
    half_ns, jitter_ns = int(period_ns / 2), int(period_ns / 4)
    if state[_PHASE] == _CLOSED:
        state[_PHASE] = _COUNTING
        _open(state, hop_counts, state[_OPEN_HOP] + 1)
    for sample in range(used, chunk.stamp_ns.size):
        stamp = chunk.stamp_ns[sample]
        hop = hop_of(stamp - half_ns, hop_ns)
        if stamp <= state[_NEWEST_NS] and _is_repeat(stamp, stamps):
            input_counts[InputCounts.DUPLICATE] += 1
            continue
        _follow_clock(stamp, chunk.arrived_ns, state, grid, input_counts)
        if stamp <= state[_NEWEST_NS]:
            _take_old(stamp, chunk.counts[sample], columns, stamps, state, hop, totals)
            continue
        if state[_PHASE] == _COUNTING and hop > state[_OPEN_HOP] and state[_FILLED] > 0:
            # The rest of the open hop is lost. The next call looks at this sample again.
            state[_PHASE] = _CLOSED
            return sample
        lag = chunk.arrived_ns - stamp
        state[_LAG_NS] = lag if state[_NEWEST_NS] == NEVER_NS else min(lag, state[_LAG_NS])
        if state[_NEWEST_NS] != NEVER_NS:
            lost = round((stamp - state[_NEWEST_NS]) / period_ns) - 1
            input_counts[InputCounts.MISSING] += max(lost, 0)
        state[_NEWEST_NS] = stamp
        _remember(stamp, stamps, state)
        if state[_PHASE] == _EMPTY or hop != state[_OPEN_HOP]:
            # The hop begins whole if the sample before this one would be the previous hop's.
            begins_whole = stamp - half_ns - period_ns < hop * hop_ns
            state[_PHASE] = _COUNTING if begins_whole else _ALIGNING
            _open(state, hop_counts, hop)
        _count(chunk.counts[sample], columns, state, hop_counts, input_counts)
        if state[_PHASE] == _COUNTING:
            state[_FILLED] += 1
            if stamp + jitter_ns >= (hop + 1) * hop_ns:
                state[_PHASE] = _CLOSED
                return sample + 1
    return chunk.stamp_ns.size
