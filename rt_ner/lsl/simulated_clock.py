"""SimulatedClock: the clock of a rehearsed loop, which may run faster than real time.

All parts of a loop on one computer are given the same speed, and share one clock: LSL's times that
speed. What the computer itself takes (transport, computing) then counts so many times over.
"""

from dataclasses import dataclass
from threading import Event

from rt_ner.core.clock import s_from_ns
from rt_ner.lsl.streams import local_now_ns


@dataclass(frozen=True)
class SimulatedClock:
    """A clock that is ``speed`` times LSL's; 1: LSL's own."""

    speed: float = 1.0

    def now_ns(self) -> int:
        """The time on it."""
        return round(local_now_ns() * self.speed)

    def wait_until(self, due_ns: int, stop: Event) -> bool:
        """Wait for a moment of this clock, or for ``stop``; whether that came first."""
        return stop.wait(s_from_ns(max(due_ns - self.now_ns(), 0)) / self.speed)


REAL_TIME = SimulatedClock()
