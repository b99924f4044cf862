"""Keep the clock of a simulated closed loop, which may run faster than real time.

All parts of a loop on one computer get the same speed and so share one clock: LSL's multiplied by
that speed. The computer's own delays (transport, computing) then appear longer by the same factor.
"""

from dataclasses import dataclass, field
from threading import Event

from rt_ner.core.clock import NS_PER_S, s_from_ns
from rt_ner.core.errors import RtNerError
from rt_ner.lsl.streams import local_now_ns

# Whoever is stopped for a while, and goes on, needs some time to catch up.
_LATE_NS, _LOOK_NS = NS_PER_S, 30 * NS_PER_S


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


@dataclass
class KeepingUp:
    """Compares what is due with the clock, every half minute of it.

    Attributes
    ----------
    speed
        Speed of the clock, as the user gave it.

    """

    speed: float
    _look_ns: int = field(default=0, init=False)
    _late_ns: int = field(default=0, init=False)

    def check(self, due_ns: int, now_ns: int) -> None:
        """Raise RtNerError if what was due is late, and no less late than half a minute before.

        Parameters
        ----------
        due_ns, now_ns
            When the step was due that is taken now, and the present, on the clock.

        """
        if now_ns < self._look_ns:
            return
        before_ns, self._late_ns = self._late_ns, now_ns - due_ns
        self._look_ns = now_ns + _LOOK_NS
        if self._late_ns >= before_ns > _LATE_NS:
            raise RtNerError(
                f"the subject is {s_from_ns(self._late_ns):.0f} s late and does not catch up: this "
                f"computer is too slow for --speed {self.speed:g} now; choose a lower speed, or "
                "close other programs. What was recorded in the meantime does not fit together"
            )
