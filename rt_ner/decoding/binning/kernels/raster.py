"""Count regular samples into hops, sample by sample."""

from typing import NamedTuple

import numpy as np

from rt_ner.core.arrays import AnyArray, Float32Array, Int32Array, Int64Array
from rt_ner.core.clock import NEVER_NS
from rt_ner.core.compiled.njit import njit
from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.decoding.binning.kernels.grid import hop_of
from rt_ner.decoding.chunks import RasterChunk

# Slots of the binner's state vector.
N_SLOTS = 9
(
    PHASE, OPEN_HOP, FILLED, NEWEST_NS, LAG_NS, INVALID, NEXT_SLOT, N_USED, N_MISSED,
) = range(N_SLOTS)  # fmt: skip

# Phases: nothing seen yet; discarding until a hop begins whole; counting; a hop just closed.
EMPTY, ALIGNING, COUNTING, CLOSED = range(4)


class Grid(NamedTuple):
    """Fixed times in ns: hop, sample period, and the jump that shows that a clock was set."""

    hop_ns: int
    period_ns: float
    step_ns: int


@njit(cache=True)
def _open(state: Int64Array, hop_counts: Float32Array, hop: int) -> None:
    """Begin a hop with nothing counted."""
    state[OPEN_HOP] = hop
    state[FILLED] = 0
    state[INVALID] = state[N_USED] = 0
    hop_counts[:] = 0


@njit(cache=True)
def abandon(state: Int64Array, input_counts: Int64Array) -> None:
    """Forget the open hop: it will not be decoded, so nothing in it was of use."""
    if state[PHASE] == COUNTING:
        input_counts[InputCounts.USED] -= state[N_USED]
        input_counts[InputCounts.UNDECODABLE] += state[N_USED]
    state[PHASE] = EMPTY


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
        state[INVALID] = 1
        return
    if state[PHASE] != COUNTING:
        input_counts[InputCounts.UNDECODABLE] += 1
    else:
        input_counts[InputCounts.USED] += 1
        state[N_USED] += 1
        for pair in range(columns.shape[0]):
            hop_counts[columns[pair, 1]] += counts[columns[pair, 0]]


@njit(cache=True)
def _follow_clock(
    stamp: int, arrived: int, state: Int64Array, grid: Grid, input_counts: Int64Array
) -> None:
    """Start over if a stamp shows that a clock was set, rather than that data are late or lost.

    A clock set back shows at once. A clock set ahead shows by a stamp that is further ahead of its
    arrival than any before, and ahead of the previous sample.
    """
    if state[NEWEST_NS] == NEVER_NS:
        return
    ahead = stamp - state[NEWEST_NS]
    of_clock = min(stamp - (arrived - state[LAG_NS]), ahead) if arrived > 0 else 0
    if ahead < -grid.step_ns or of_clock > grid.step_ns:
        input_counts[InputCounts.CLOCK_STEPS] += 1
        abandon(state, input_counts)
        state[NEWEST_NS] = NEVER_NS


@njit(cache=True)
def _is_repeat(stamp: int, stamps: Int64Array) -> bool:
    """Return True if a sample with this very stamp came before."""
    for remembered in stamps:  # noqa: SIM110 - any() does not compile
        if remembered == stamp:
            return True
    return False


@njit(cache=True)
def _has_come_after_all(
    stamp: int, stamps: Int64Array, state: Int64Array, input_counts: Int64Array
) -> None:
    """Take a sample off those that never came, if any was missed."""
    _remember(stamp, stamps, state)
    if state[N_MISSED] > 0:
        state[N_MISSED] -= 1
        input_counts[InputCounts.MISSING] -= 1


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
    _has_come_after_all(stamp, stamps, state, input_counts)
    if state[PHASE] == COUNTING and hop == state[OPEN_HOP]:
        input_counts[InputCounts.REORDERED] += 1
        state[FILLED] += 1
        _count(counts, columns, state, hop_counts, input_counts)
    else:
        input_counts[InputCounts.LATE] += 1


@njit(cache=True)
def _remember(stamp: int, stamps: Int64Array, state: Int64Array) -> None:
    """Keep a stamp in the place of the oldest."""
    stamps[state[NEXT_SLOT]] = stamp
    state[NEXT_SLOT] = (state[NEXT_SLOT] + 1) % stamps.size


@njit(cache=True)
def advance(
    samples: tuple[Int64Array, AnyArray, int],
    used: int,
    fixed: tuple[int, float, int],
    columns: Int32Array,
    stamps: Int64Array,
    state: Int64Array,
    totals: tuple[Float32Array, Int64Array],
) -> int:
    """Count samples from ``used`` on until a hop closes or the chunk ends; return the next one.

    ``samples`` are a `RasterChunk`'s and ``fixed`` a `Grid`'s, as plain tuples: for each tuple with
    names, Numba's call would take as long as it takes to count a sample.
    """
    chunk, grid = RasterChunk(*samples), Grid(*fixed)
    hop_counts, input_counts = totals
    hop_ns, period_ns = grid.hop_ns, grid.period_ns
    half_ns, jitter_ns = int(period_ns / 2), int(period_ns / 4)
    if state[PHASE] == CLOSED:
        state[PHASE] = COUNTING
        _open(state, hop_counts, state[OPEN_HOP] + 1)
    for sample in range(used, chunk.stamp_ns.size):
        stamp = chunk.stamp_ns[sample]
        hop = hop_of(stamp - half_ns, hop_ns)
        if stamp <= state[NEWEST_NS] and _is_repeat(stamp, stamps):
            input_counts[InputCounts.DUPLICATE] += 1
            continue
        _follow_clock(stamp, chunk.arrived_ns, state, grid, input_counts)
        if stamp <= state[NEWEST_NS]:
            _take_old(stamp, chunk.counts[sample], columns, stamps, state, hop, totals)
            continue
        if state[PHASE] == COUNTING and hop > state[OPEN_HOP] and state[FILLED] > 0:
            # The rest of the open hop is lost. The next call looks at this sample again.
            state[PHASE] = CLOSED
            return sample
        lag = chunk.arrived_ns - stamp
        state[LAG_NS] = lag if state[NEWEST_NS] == NEVER_NS else min(lag, state[LAG_NS])
        if state[NEWEST_NS] != NEVER_NS:
            lost = max(round((stamp - state[NEWEST_NS]) / period_ns) - 1, 0)
            input_counts[InputCounts.MISSING] += lost
            state[N_MISSED] += lost
        state[NEWEST_NS] = stamp
        _remember(stamp, stamps, state)
        if state[PHASE] == EMPTY or hop != state[OPEN_HOP]:
            # The hop begins whole if the sample before this one would be the previous hop's.
            begins_whole = stamp - half_ns - period_ns < hop * hop_ns
            state[PHASE] = COUNTING if begins_whole else ALIGNING
            _open(state, hop_counts, hop)
        _count(chunk.counts[sample], columns, state, hop_counts, input_counts)
        if state[PHASE] == COUNTING:
            state[FILLED] += 1
            if stamp + jitter_ns >= (hop + 1) * hop_ns:
                state[PHASE] = CLOSED
                return sample + 1
    return chunk.stamp_ns.size
