"""Ticks at a rate of their own: which velocity is sent at each, and when the next is due."""

from typing import NamedTuple

from rt_ner.core.clock import NEVER_NS


class Tick(NamedTuple):
    """One tick: the moment it was due, and the velocity to send, x and y in cm/s."""

    due_ns: int
    velocity_cm_s: tuple[float, float]


class TickedVelocity:
    """The newest velocity, repeated at each tick until it is stale.

    Ticks are absolute, so that lateness never adds up. Those that were missed, by a process that
    was paused, are left out: a cursor that moves by each sample must not be sent them all at once.
    """

    def __init__(self, tick_ns: int, stale_ns: int, start_ns: int) -> None:
        self._tick_ns = tick_ns
        self._stale_ns = stale_ns
        # One tuple, replaced whole: it is set and read by different threads.
        self._newest = (NEVER_NS, (0.0, 0.0))
        self.due_ns = start_ns

    def set(self, x_cm_s: float, y_cm_s: float, now_ns: int) -> None:
        """Keep a velocity for the next ticks."""
        self._newest = (now_ns, (x_cm_s, y_cm_s))

    def tick(self, now_ns: int) -> Tick:
        """Return the tick that is due now, and go on to the next."""
        due_ns = self.due_ns + max(now_ns - self.due_ns, 0) // self._tick_ns * self._tick_ns
        self.due_ns = due_ns + self._tick_ns
        set_at_ns, velocity_cm_s = self._newest
        is_fresh = now_ns - set_at_ns <= self._stale_ns
        return Tick(due_ns, velocity_cm_s if is_fresh else (0.0, 0.0))
