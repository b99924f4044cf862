"""Keep the clock of a simulated closed loop, which may run faster than real time.

All parts of a loop on one computer get the same speed and so share one clock: LSL's multiplied by
that speed. The computer's own delays (transport, computing) then appear longer by the same factor.
"""

from dataclasses import dataclass
from threading import Event

from rt_ner.core.clock import s_from_ns
from rt_ner.lsl.streams import local_now_ns


@dataclass(frozen=True)
class SimulatedClock:
    """A clock that runs ``speed`` times as fast as LSL's.

    Attributes
    ----------
    speed
        The factor; 1: LSL's own clock.

    """

    speed: float = 1.0

    def now_ns(self) -> int:
        """Return the present on this clock, in ns."""
        return round(local_now_ns() * self.speed)

    def wait_until(self, due_ns: int, stop: Event) -> bool:
        """Wait for a time on this clock; return True if ``stop`` was set before it."""
        return stop.wait(s_from_ns(max(due_ns - self.now_ns(), 0)) / self.speed)


REAL_TIME = SimulatedClock()
