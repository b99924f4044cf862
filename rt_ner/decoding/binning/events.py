"""Count single spikes, in any order, into hops that close by the clock.

For events silence is data: a hop is over even if no spike follows. So a hop closes when the
watermark passes its end: the present, less a grace for spikes still on their way. For a source
that runs ahead of the clock (a replay faster than real time), the newest event is the present.
"""

from collections.abc import Iterator

import numpy as np

from rt_ner.core.arrays import Float32Array, Int32Array
from rt_ner.core.clock import NEVER_NS
from rt_ner.core.contract.input_counts import empty_input_counts
from rt_ner.decoding.binning.kernels.events import (
    BEHIND_NS,
    CLOSED,
    EMPTY,
    INVALID,
    N_SLOTS,
    NEWEST_NS,
    OPEN_HOP,
    PHASE,
    RUNS_BACK,
    SINCE_NS,
    STRAY_NS,
    Board,
    Rules,
    abandon,
    advance,
)
from rt_ner.decoding.binning.kernels.memory import N_SETS, N_WAYS, Memory
from rt_ner.decoding.chunks import EventChunk


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

    is_partial = False

    def __init__(
        self,
        n_channels: int,
        channel_of: Int32Array,
        rules: tuple[int, int, int],
        base: int,
        pooled: bool = False,
    ) -> None:
        self._rules = Rules(*rules, base, pooled)
        self._channel_of = channel_of
        n_open = -(-self._rules.grace_ns // self._rules.hop_ns) + 2
        self._board = Board(
            np.zeros((n_open, n_channels), dtype=np.float32), np.zeros(n_open, dtype=np.uint8)
        )
        self._memory = Memory(
            np.full((N_SETS, N_WAYS), NEVER_NS, dtype=np.int64),
            np.zeros((N_SETS, N_WAYS), dtype=np.int64),
            np.zeros(N_SETS, dtype=np.uint8),
        )
        self._fixed = (*self._rules,)
        self._stores = (*self._board,), (*self._memory,)
        self._state = np.zeros(N_SLOTS, dtype=np.int64)
        self.counts: Float32Array = np.zeros(n_channels, dtype=np.float32)
        self.input_counts = empty_input_counts()
        self.restart(0)

    def due_ns(self, now_ns: int) -> int:
        """Return when the open hop is over, with or without spikes."""
        if self._state[PHASE] == EMPTY:
            return now_ns
        open_end_ns = int(self._state[OPEN_HOP] + 1) * self._rules.hop_ns
        return open_end_ns + self._rules.grace_ns + int(self._state[BEHIND_NS])

    def reset(self, now_ns: int) -> None:
        """Forget the open hops, after an outage; the input goes on at ``now_ns``."""
        self._state[SINCE_NS] = max(now_ns, self._state[NEWEST_NS])
        abandon(self._board, self._state, self.input_counts)
        self._state[STRAY_NS] = NEVER_NS

    def restart(self, now_ns: int) -> None:
        """Forget the source's time too, for a new connection. The input counts stay."""
        self._state[NEWEST_NS] = NEVER_NS
        self._state[BEHIND_NS] = self._state[RUNS_BACK] = 0
        self._memory.time_ns[:] = NEVER_NS
        self.reset(now_ns)

    @property
    def invalid(self) -> bool:
        """True if an invalid event arrived in the hop that was closed last."""
        return bool(self._state[INVALID])

    @property
    def newest_ns(self) -> int:
        """Time of the newest event, in ns."""
        return int(self._state[NEWEST_NS])

    def warm_up_as(self, dtype: np.dtype[np.generic]) -> None:  # noqa: ARG002 - one for all
        """Compile for events, whatever type they are sent as; leave no trace."""
        numbers = np.full(2, self._rules.base, dtype=np.float64)
        input_counts = self.input_counts.copy()
        for _ in self.push(EventChunk(np.arange(1, 3, dtype=np.int64), numbers, numbers)):
            pass
        self.restart(0)
        self.input_counts[:] = input_counts

    def push(self, chunk: EventChunk) -> Iterator[int]:
        """Count a chunk's spikes; yield the end (ns) of each hop that it closes."""
        used, events = 0, (*chunk,)
        while True:
            used = advance(
                events, used, self._fixed, self._channel_of, self._state,
                self._stores, (self.counts, self.input_counts),
            )  # fmt: skip
            if self._state[PHASE] != CLOSED:
                return
            yield int(self._state[OPEN_HOP] * self._rules.hop_ns)
