"""Count single spikes, in any order, into hops that close by the clock.

For events silence is data: a hop is over even if no spike follows. So a hop closes when the
watermark passes its end: the present, less a grace for spikes still on their way. For a source
that runs ahead of the clock (a replay faster than real time), the newest event is the present.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from rt_ner.core.arrays import Float32Array, Int32Array, Int64Array
from rt_ner.core.clock import NEVER_NS
from rt_ner.core.contract.input_counts import InputCounts, empty_input_counts
from rt_ner.decoding.binning.raster import hop_of
from rt_ner.decoding.chunks import EventChunk

# Slots of the binner's state vector.
_PHASE, _OPEN_HOP, _NEWEST_NS, _SINCE_NS, _BEHIND_NS, _RUNS_BACK, _INVALID = range(7)
# Phases: not begun; counting; a hop just closed.
_EMPTY, _COUNTING, _CLOSED = range(3)
# The memory that recognises repeats: sets of ways, as in a processor's cache.
_N_SETS, _N_WAYS = 16_384, 4


class _Rules(NamedTuple):
    """Fixed times, the number of the first channel, and whether all units are pooled."""

    hop_ns: int
    grace_ns: int
    step_ns: int
    base: int
    pooled: bool


class _Board(NamedTuple):
    """The open hops: counts ``(slot, channel)``, and 1 for each with invalid input."""

    counts: Float32Array
    invalid: npt.NDArray[np.uint8]


class _Memory(NamedTuple):
    """Recent events, ``(set, way)``, and the way of each set to be forgotten next."""

    time_ns: Int64Array
    source: Int64Array
    oldest_way: npt.NDArray[np.uint8]


class EventBinner:
    """A binner that counts single spikes.

    An event that is out of order and came before (same time, channel and unit) is a repeat. A
    clock was set if an event is older than the newest by more than the clock step, or ahead of
    the clock by more than the grace and a hop (unless the source's time runs ahead anyway).

    Parameters
    ----------
    n_channels
        Number of channels to count for.
    channel_of
        Index of the channel that an event counts for, negative for none,
        ``(number − base, unit)``.
    rules
        Hop, grace and clock step, in ns.
    base
        Number of the first channel.
    pooled
        True to count all units of a channel alike, whatever their numbers.

    """

    def __init__(
        self,
        n_channels: int,
        channel_of: Int32Array,
        rules: tuple[int, int, int],
        base: int,
        pooled: bool = False,
    ) -> None:
        self._rules = _Rules(*rules, base, pooled)
        self._channel_of = channel_of
        n_open = -(-self._rules.grace_ns // self._rules.hop_ns) + 2
        self._board = _Board(
            np.zeros((n_open, n_channels), dtype=np.float32), np.zeros(n_open, dtype=np.uint8)
        )
        self._memory = _Memory(
            np.full((_N_SETS, _N_WAYS), NEVER_NS, dtype=np.int64),
            np.zeros((_N_SETS, _N_WAYS), dtype=np.int64),
            np.zeros(_N_SETS, dtype=np.uint8),
        )
        self._state = np.zeros(7, dtype=np.int64)
        self.counts: Float32Array = np.zeros(n_channels, dtype=np.float32)
        self.input_counts = empty_input_counts()
        self.restart(0)

    def due_ns(self, now_ns: int) -> int:
        """Return when the open hop is over, with or without spikes."""
        if self._state[_PHASE] == _EMPTY:
            return now_ns
        open_end_ns = int(self._state[_OPEN_HOP] + 1) * self._rules.hop_ns
        return open_end_ns + self._rules.grace_ns + int(self._state[_BEHIND_NS])

    def reset(self, now_ns: int) -> None:
        """Forget the open hops, after an outage; the input goes on at ``now_ns``."""
        self._state[_SINCE_NS] = max(now_ns, self._state[_NEWEST_NS])
        self._state[_PHASE] = _EMPTY

    def restart(self, now_ns: int) -> None:
        """Forget the source's time too, for a new connection. The input counts stay."""
        self._state[_NEWEST_NS] = NEVER_NS
        self._state[_BEHIND_NS] = self._state[_RUNS_BACK] = 0
        self._memory.time_ns[:] = NEVER_NS
        self.reset(now_ns)

    @property
    def invalid(self) -> bool:
        """True if an invalid event arrived in the hop that was closed last."""
        return bool(self._state[_INVALID])

    @property
    def newest_ns(self) -> int:
        """Time of the newest event, in ns."""
        return int(self._state[_NEWEST_NS])

    def warm_up_as(self, dtype: np.dtype[np.generic]) -> None:  # noqa: ARG002 - one for all
        """Compile for events, whatever type they are sent as; leave no trace."""
        numbers = np.full(2, self._rules.base, dtype=np.float64)
        input_counts = self.input_counts.copy()
        for _ in self.push(EventChunk(np.arange(1, 3, dtype=np.int64), numbers, numbers)):
            pass
        self.input_counts[:] = input_counts
        self.restart(0)

    def push(self, chunk: EventChunk) -> Iterator[int]:
        """Count a chunk's spikes; yield the end (ns) of each hop that it closes."""
        used = 0
        while True:
            used = _advance(
                chunk, used, self._rules, self._channel_of, self._state,
                (self._board, self._memory), (self.counts, self.input_counts),
            )  # fmt: skip
            if self._state[_PHASE] != _CLOSED:
                return
            yield int(self._state[_OPEN_HOP] * self._rules.hop_ns)


@njit(cache=True)
def _first_whole_hop(state: Int64Array, rules: _Rules) -> int:
    """Return the first hop that does not begin before the input did."""
    return -hop_of(-state[_SINCE_NS], rules.hop_ns)


@njit(cache=True)
def _begin_if_new(board: _Board, state: Int64Array, rules: _Rules) -> None:
    """Count from the first hop that begins whole."""
    if state[_PHASE] == _EMPTY:
        state[_PHASE] = _COUNTING
        state[_OPEN_HOP] = _first_whole_hop(state, rules)
        board.counts[:] = 0
        board.invalid[:] = 0


@njit(cache=True)
def _is_over(present: int, state: Int64Array, rules: _Rules) -> bool:
    """Return True if the oldest open hop need not wait any longer."""
    return bool(present - rules.grace_ns >= (state[_OPEN_HOP] + 1) * rules.hop_ns)


@njit(cache=True)
def _close(board: _Board, state: Int64Array, counts: Float32Array) -> None:
    """Hand out the oldest open hop and open another in its place."""
    slot = state[_OPEN_HOP] % board.invalid.size
    counts[:] = board.counts[slot]
    state[_INVALID] = board.invalid[slot]
    board.counts[slot] = 0
    board.invalid[slot] = 0
    state[_OPEN_HOP] += 1
    state[_PHASE] = _CLOSED


@njit(cache=True)
def _whole(value: float) -> int:
    """Return the number of a channel or unit; −1 if it can't be one."""
    if not 0 <= value < 65_536 or value != np.floor(value):
        return -1
    return int(value)


@njit(cache=True)
def _set_of(time: int, source: int) -> int:
    """Return the set of the memory that an event belongs to."""
    mixed = (time ^ (source * 2_654_435_769)) * 6_364_136_223_846_793_005
    return (mixed >> 33) & (_N_SETS - 1)


@njit(cache=True)
def _is_known(time: int, source: int, memory: _Memory) -> bool:
    """Return True if this very event came before."""
    chosen = _set_of(time, source)
    for way in range(_N_WAYS):
        if memory.time_ns[chosen, way] == time and memory.source[chosen, way] == source:
            return True
    return False


@njit(cache=True)
def _remember(time: int, source: int, memory: _Memory) -> None:
    """Keep an event in the place of the oldest of its set."""
    chosen = _set_of(time, source)
    way = memory.oldest_way[chosen]
    memory.time_ns[chosen, way] = time
    memory.source[chosen, way] = source
    memory.oldest_way[chosen] = (way + 1) % _N_WAYS


@njit(cache=True)
def _is_repeat(time: int, source: int, memory: _Memory, state: Int64Array) -> bool:
    """Return True if an event is a repeat: known, and out of order.

    Equal events in a row are not, because a source may stamp a whole chunk with one time.
    """
    runs_back = time < state[_NEWEST_NS] or (state[_RUNS_BACK] and time == state[_NEWEST_NS])
    return runs_back and _is_known(time, source, memory)


@njit(cache=True)
def _clock_stepped(time: int, arrived: int, state: Int64Array, rules: _Rules) -> bool:
    """Return True if an event's time shows that a clock was set."""
    newest = max(state[_NEWEST_NS], state[_SINCE_NS])
    if newest - time > rules.step_ns:
        return True
    clock = arrived - state[_BEHIND_NS]
    runs_ahead = newest > clock
    return arrived > 0 and time - max(newest, clock) > (
        rules.step_ns if runs_ahead else rules.grace_ns + rules.hop_ns
    )


@njit(cache=True)
def _follow(time: int, arrived: int, state: Int64Array) -> None:
    """Go on from an event after its clock was set; note how far that is behind the local one."""
    state[_BEHIND_NS] = arrived - time if arrived > 0 else 0
    state[_SINCE_NS], state[_NEWEST_NS] = time, NEVER_NS
    state[_PHASE], state[_RUNS_BACK] = _EMPTY, 0


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
    rules: _Rules,
    channel_of: Int32Array,
    state: Int64Array,
    board: _Board,
) -> InputCounts:
    """Add an event that is not a repeat to its hop; return what became of it."""
    number, unit = source
    hop = hop_of(time, rules.hop_ns)
    slot = hop % board.invalid.size
    if hop < state[_OPEN_HOP]:
        # In time for the hop in which the input began, which is never decoded.
        in_first = state[_SINCE_NS] <= time and hop < _first_whole_hop(state, rules)
        return InputCounts.USED if in_first else InputCounts.LATE
    if number < rules.base or unit < 0:
        board.invalid[slot] = 1
        return InputCounts.INVALID
    channel = _channel_of(number, unit, rules.base, channel_of)
    if channel < 0:
        return InputCounts.UNKNOWN
    board.counts[slot, channel] += 1
    if time < state[_NEWEST_NS]:
        return InputCounts.REORDERED
    return InputCounts.USED


@njit(cache=True)
def _take(
    time: int,
    source: tuple[int, int],
    rules: _Rules,
    channel_of: Int32Array,
    state: Int64Array,
    stores: tuple[_Board, _Memory],
    input_counts: Int64Array,
) -> None:
    """Count an event that is not a repeat and whose hop is not to be closed yet."""
    board, memory = stores
    if time != state[_NEWEST_NS]:
        state[_RUNS_BACK] = time < state[_NEWEST_NS]
    _remember(time, source[0] << 32 | source[1], memory)
    number, unit = source
    fate = _count(time, (number, 0 if rules.pooled else unit), rules, channel_of, state, board)
    input_counts[fate] += 1
    if fate == InputCounts.REORDERED:
        input_counts[InputCounts.USED] += 1
    state[_NEWEST_NS] = max(time, state[_NEWEST_NS])


@njit(cache=True)
def _advance(
    chunk: EventChunk,
    used: int,
    rules: _Rules,
    channel_of: Int32Array,
    state: Int64Array,
    stores: tuple[_Board, _Memory],
    totals: tuple[Float32Array, Int64Array],
) -> int:
    """Count events from ``used`` on until a hop closes or the chunk ends; return the next one."""
    hop_counts, input_counts = totals
    board, memory = stores
    arrived = chunk.arrived_ns
    if state[_PHASE] == _CLOSED:
        state[_PHASE] = _COUNTING
    for event in range(used, chunk.time_ns.size):
        time = chunk.time_ns[event]
        source = (_whole(chunk.channel[event]), _whole(chunk.unit[event]))
        if _is_repeat(time, source[0] << 32 | source[1], memory, state):
            state[_RUNS_BACK] = 1
            input_counts[InputCounts.DUPLICATE] += 1
            continue
        if _clock_stepped(time, arrived, state, rules):
            input_counts[InputCounts.CLOCK_STEPS] += 1
            _follow(time, arrived, state)
        _begin_if_new(board, state, rules)
        if _is_over(max(time, state[_NEWEST_NS]), state, rules):
            # This event ends the open hop; the next call looks at it again.
            _close(board, state, hop_counts)
            return event
        _take(time, source, rules, channel_of, state, stores, input_counts)
    if arrived > 0 and chunk.complete:
        _begin_if_new(board, state, rules)
        if _is_over(arrived - state[_BEHIND_NS], state, rules):
            _close(board, state, hop_counts)
    return chunk.time_ns.size
