"""Decide which velocity is sent at each tick of a fixed rate, and when the next tick is due."""

from typing import NamedTuple

from rt_ner.core.clock import NEVER_NS


class Tick(NamedTuple):
    """One tick: the time it was due, and the velocity to send, x and y in cm/s."""

    due_ns: int
    velocity_cm_s: tuple[float, float]


class TickedVelocity:
    """The newest velocity, repeated at each tick until it is stale.

    Ticks are at absolute times, so that lateness never adds up. Ticks that a paused process missed
    are left out, because a cursor that moves with each sample must not get them all at once.
    """

    def __init__(self, tick_ns: int, stale_ns: int, start_ns: int) -> None:
        self._tick_ns = tick_ns
        self._stale_ns = stale_ns
        # One tuple, replaced as a whole, because one thread sets it and another reads it.
        self._newest = (NEVER_NS, (0.0, 0.0))
        self.due_ns = start_ns

    def set(self, x_cm_s: float, y_cm_s: float, now_ns: int) -> None:
        """Keep a velocity for the next ticks."""
        self._newest = (now_ns, (x_cm_s, y_cm_s))

    def tick(self, now_ns: int) -> Tick:
        """Return the tick that is due now, and plan the next one."""
        due_ns = self.due_ns + max(now_ns - self.due_ns, 0) // self._tick_ns * self._tick_ns
        self.due_ns = due_ns + self._tick_ns
        set_at_ns, velocity_cm_s = self._newest
        is_fresh = now_ns - set_at_ns <= self._stale_ns
        return Tick(due_ns, velocity_cm_s if is_fresh else (0.0, 0.0))
