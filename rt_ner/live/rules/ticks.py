"""Decide which outputs are sent at each tick of a fixed rate, and when the next tick is due."""

from typing import NamedTuple

from rt_ner.core.clock import NEVER_NS


class Tick(NamedTuple):
    """One tick: the time it was due, and the outputs to send."""

    due_ns: int
    values: tuple[float, ...]


class TickedOutputs:
    """The newest outputs, repeated at each tick; once stale, those that are not held are zero.

    Ticks are at absolute times, so that lateness never adds up. Ticks that a paused process missed
    are left out, because a cursor that moves with each sample must not get them all at once.
    """

    def __init__(
        self,
        tick_ns: int,
        stale_ns: int,
        start_ns: int,
        is_held: tuple[bool, ...] = (False, False),
    ) -> None:
        self._tick_ns = tick_ns
        self._stale_ns = stale_ns
        self._is_held = is_held
        # One tuple, replaced as a whole, because one thread sets it and another reads it.
        self._newest = (NEVER_NS, (0.0,) * len(is_held))
        self.due_ns = start_ns

    def set(self, values: tuple[float, ...], now_ns: int) -> None:
        """Keep outputs for the next ticks."""
        self._newest = (now_ns, values)

    def tick(self, now_ns: int) -> Tick:
        """Return the tick that is due now, and plan the next one."""
        due_ns = self.due_ns + max(now_ns - self.due_ns, 0) // self._tick_ns * self._tick_ns
        self.due_ns = due_ns + self._tick_ns
        set_at_ns, values = self._newest
        if now_ns - set_at_ns > self._stale_ns:
            values = tuple(
                value if held else 0.0 for value, held in zip(values, self._is_held, strict=True)
            )
        return Tick(due_ns, values)
