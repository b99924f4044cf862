"""Decide when to warm the processor's caches for the next step.

On a core that slept for even 0.3 ms, or did something else, a step takes ten times as long,
because code and weights have been evicted. So the loop stops sleeping shortly before a hop is due,
and repeats the newest step until the data come.
"""

from rt_ner.core.clock import FOREVER_NS
from rt_ner.live.settings import WakeUp

_LEAD_NS = 600_000
# liblsl's receiving thread may need this very core.
_SHORTEST_SLEEP_NS = 50_000
_AT_MOST_NS = 1_500_000
# The prediction moves by one part in this many to a late arrival, and at once to an early one.
_LATE_GAIN = 16


class CacheWarmer:
    """The rule that predicts when hops arrive and when to warm the caches for them.

    ``due_ns``: time to begin to warm the caches for the next hop. ``shortest_sleep_ns``: sleep
    between two repeats of the step.
    """

    def __init__(self, hop_ns: int, wake_up: WakeUp = WakeUp.WARM) -> None:
        self._hop_ns = hop_ns
        self._wake_up = wake_up
        self.shortest_sleep_ns = 0 if wake_up is WakeUp.SPIN else _SHORTEST_SLEEP_NS
        self._expected_ns = FOREVER_NS
        self.due_ns = FOREVER_NS

    def hop_arrived(self, arrived_ns: int) -> None:
        """Learn from an arrival, and plan for the next one."""
        if self._wake_up is WakeUp.BLOCK:
            return
        late_ns = arrived_ns - self._expected_ns
        if 0 < late_ns < self._hop_ns:
            arrived_ns = self._expected_ns + late_ns // _LATE_GAIN
        self._expected_ns = arrived_ns + self._hop_ns
        self.due_ns = self._expected_ns - _LEAD_NS

    def warmed(self, now_ns: int) -> None:
        """Give up for this hop once it is too late to stay awake for."""
        if now_ns > self.due_ns + _AT_MOST_NS:
            self.due_ns = FOREVER_NS

    def cancel(self) -> None:
        """Plan nothing until a hop has arrived again."""
        self._expected_ns = self.due_ns = FOREVER_NS
