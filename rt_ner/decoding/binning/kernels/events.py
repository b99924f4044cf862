"""Count events into hops, event by event."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rt_ner.core.arrays import AnyArray, Float32Array, FloatArray, Int32Array, Int64Array
from rt_ner.core.clock import NEVER_NS
from rt_ner.core.compiled.njit import njit
from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.decoding.binning.kernels.grid import hop_of
from rt_ner.decoding.binning.kernels.memory import Memory, is_known, remember
from rt_ner.decoding.chunks import EventChunk

# Slots of the binner's state vector.
N_SLOTS = 8
PHASE, OPEN_HOP, NEWEST_NS, SINCE_NS, BEHIND_NS, RUNS_BACK, INVALID, STRAY_NS = range(N_SLOTS)

# Phases: not begun; counting; a hop just closed.
EMPTY, COUNTING, CLOSED = range(3)


class Rules(NamedTuple):
    """Fixed times, the number of the first channel, and whether all units are pooled."""

    hop_ns: int
    grace_ns: int
    step_ns: int
    base: int
    pooled: bool


class Board(NamedTuple):
    """The open hops: counts ``(slot, channel)``, and 1 for each with invalid input."""

    counts: Float32Array
    invalid: npt.NDArray[np.uint8]


@njit(cache=True)
def _first_whole_hop(state: Int64Array, rules: Rules) -> int:
    """Return the first hop that does not begin before the input did."""
    return -hop_of(-state[SINCE_NS], rules.hop_ns)


@njit(cache=True)
def _begin_if_new(board: Board, state: Int64Array, rules: Rules) -> None:
    """Count from the first hop that begins whole."""
    if state[PHASE] == EMPTY:
        state[PHASE] = COUNTING
        state[OPEN_HOP] = _first_whole_hop(state, rules)
        board.counts[:] = 0
        board.invalid[:] = 0


@njit(cache=True)
def _is_over(present: int, state: Int64Array, rules: Rules) -> bool:
    """Return True if the oldest open hop need not wait any longer."""
    return bool(present - rules.grace_ns >= (state[OPEN_HOP] + 1) * rules.hop_ns)


@njit(cache=True)
def _close(board: Board, state: Int64Array, counts: Float32Array) -> None:
    """Hand out the oldest open hop and open another in its place."""
    slot = state[OPEN_HOP] % board.invalid.size
    counts[:] = board.counts[slot]
    state[INVALID] = board.invalid[slot]
    board.counts[slot] = 0
    board.invalid[slot] = 0
    state[OPEN_HOP] += 1
    state[PHASE] = CLOSED


@njit(cache=True)
def _whole(value: float) -> int:
    """Return the number of a channel or unit; −1 if it can't be one."""
    if not 0 <= value < 65_536 or value != np.floor(value):
        return -1
    return int(value)


@njit(cache=True)
def _is_repeat(time: int, source: int, memory: Memory, state: Int64Array) -> bool:
    """Return True if an event is a repeat: known, and out of order.

    Equal events in a row are not, because a source may stamp a whole chunk with one time.
    """
    runs_back = time < state[NEWEST_NS] or (state[RUNS_BACK] and time == state[NEWEST_NS])
    return runs_back and is_known(time, source, memory)


@njit(cache=True)
def _clock_stepped(time: int, arrived: int, state: Int64Array, rules: Rules) -> bool:
    """Return True if an event's time shows that a clock was set."""
    newest = max(state[NEWEST_NS], state[SINCE_NS])
    if newest - time > rules.step_ns:
        return True
    clock = arrived - state[BEHIND_NS]
    runs_ahead = newest > clock
    return arrived > 0 and time - max(newest, clock) > (
        rules.step_ns if runs_ahead else rules.grace_ns + rules.hop_ns
    )


@njit(cache=True)
def abandon(board: Board, state: Int64Array, input_counts: Int64Array) -> None:
    """Forget the open hops: they will not be decoded, so nothing in them was of use."""
    if state[PHASE] != EMPTY:
        n_counted = np.int64(board.counts.sum())
        input_counts[InputCounts.USED] -= n_counted
        input_counts[InputCounts.UNDECODABLE] += n_counted
        board.counts[:] = 0
    state[PHASE] = EMPTY


@njit(cache=True)
def _follow(time: int, arrived: int, state: Int64Array) -> None:
    """Go on from an event after its clock was set; note how far that is behind the local one."""
    state[BEHIND_NS] = arrived - time if arrived > 0 else 0
    state[SINCE_NS], state[NEWEST_NS] = time, NEVER_NS
    state[RUNS_BACK] = 0
    state[STRAY_NS] = NEVER_NS


@njit(cache=True)
def _channel_of(number: int, unit: int, base: int, channel_of: Int32Array) -> int:
    """Return the channel that an event counts for; negative for none."""
    row = number - base
    if 0 <= row < channel_of.shape[0] and unit < channel_of.shape[1]:
        return int(channel_of[row, unit])
    return -1


@njit(cache=True)
def _count(
    time: int,
    source: tuple[int, int],
    rules: Rules,
    channel_of: Int32Array,
    state: Int64Array,
    board: Board,
) -> InputCounts:
    """Add an event that is not a repeat to its hop; return what became of it."""
    number, unit = source
    hop = hop_of(time, rules.hop_ns)
    slot = hop % board.invalid.size
    if hop < state[OPEN_HOP]:
        # In time for the hop in which the input began, which is never decoded.
        in_first = state[SINCE_NS] <= time and hop < _first_whole_hop(state, rules)
        return InputCounts.UNDECODABLE if in_first else InputCounts.LATE
    if number < rules.base or unit < 0:
        board.invalid[slot] = 1
        return InputCounts.INVALID
    channel = _channel_of(number, unit, rules.base, channel_of)
    if channel < 0:
        return InputCounts.UNKNOWN
    board.counts[slot, channel] += 1
    if time < state[NEWEST_NS]:
        return InputCounts.REORDERED
    return InputCounts.USED


@njit(cache=True)
def _take(
    time: int,
    source: tuple[int, int],
    rules: Rules,
    channel_of: Int32Array,
    state: Int64Array,
    stores: tuple[Board, Memory],
    input_counts: Int64Array,
) -> None:
    """Count an event that is not a repeat and whose hop is not to be closed yet."""
    board, memory = stores
    if time != state[NEWEST_NS]:
        state[RUNS_BACK] = time < state[NEWEST_NS]
    remember(time, source[0] << 32 | source[1], memory)
    number, unit = source
    fate = _count(time, (number, 0 if rules.pooled else unit), rules, channel_of, state, board)
    input_counts[fate] += 1
    if fate == InputCounts.REORDERED:
        input_counts[InputCounts.USED] += 1
    state[NEWEST_NS] = max(time, state[NEWEST_NS])


@njit(cache=True)
def advance(
    events: tuple[Int64Array, FloatArray, FloatArray, int, bool],
    used: int,
    fixed: tuple[int, int, int, int, bool],
    channel_of: Int32Array,
    state: Int64Array,
    stores: tuple[tuple[AnyArray, AnyArray], tuple[AnyArray, AnyArray, AnyArray]],
    totals: tuple[Float32Array, Int64Array],
) -> int:
    """Count events from ``used`` on until a hop closes or the chunk ends; return the next one.

    ``events`` are an `EventChunk`'s, ``fixed`` a `Rules`' and ``stores`` a `Board`'s and a
    `Memory`'s, as plain tuples: for each tuple with names, Numba's call would take as long as it
    takes to count an event.
    """
    chunk, rules = EventChunk(*events), Rules(*fixed)
    board, memory = Board(*stores[0]), Memory(*stores[1])
    hop_counts, input_counts = totals
    arrived = chunk.arrived_ns
    if state[PHASE] == CLOSED:
        state[PHASE] = COUNTING
    for event in range(used, chunk.time_ns.size):
        time = chunk.time_ns[event]
        source = (_whole(chunk.channel[event]), _whole(chunk.unit[event]))
        if _is_repeat(time, source[0] << 32 | source[1], memory, state):
            state[RUNS_BACK] = 1
            input_counts[InputCounts.DUPLICATE] += 1
            continue
        if _clock_stepped(time, arrived, state, rules):
            if abs(time - state[STRAY_NS]) > rules.step_ns:
                # One wild time costs its own event alone; a step needs a second witness.
                state[STRAY_NS] = time
                input_counts[InputCounts.INVALID] += 1
                continue
            input_counts[InputCounts.CLOCK_STEPS] += 1
            abandon(board, state, input_counts)
            _follow(time, arrived, state)
        state[STRAY_NS] = NEVER_NS
        _begin_if_new(board, state, rules)
        if _is_over(max(time, state[NEWEST_NS]), state, rules):
            # This event ends the open hop; the next call looks at it again.
            _close(board, state, hop_counts)
            return event
        _take(time, source, rules, channel_of, state, (board, memory), input_counts)
    if arrived > 0 and chunk.complete:
        _begin_if_new(board, state, rules)
        if _is_over(arrived - state[BEHIND_NS], state, rules):
            _close(board, state, hop_counts)
    return chunk.time_ns.size
