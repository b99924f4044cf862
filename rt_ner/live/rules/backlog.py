"""Tell hops that were held back on their way from current ones, after an outage.

A cursor has no use for old velocities: sent all at once, they would make it jump. All times are ns
of the local clock. A hop's lag is the time from its end to the arrival of its data.
"""

from rt_ner.core.clock import FOREVER_NS, NEVER_NS, NS_PER_MS, NS_PER_S


class Backlog:
    """The rule that catches up after an outage or overload, until a hop lags no more than usual.

    ``behind`` is True while it catches up.
    """

    def __init__(self, hop_ns: int) -> None:
        self._hop_ns = hop_ns
        self._usual_lag_ns = 0
        self._smallest_lag_ns = FOREVER_NS
        self._until_ns = 0
        self.behind = False

    def begin_after_outage(self) -> None:
        """Start to catch up; hops may have been held back, as their lag will tell."""
        self.behind = True
        self._smallest_lag_ns = FOREVER_NS

    def begin_in_overload(self) -> None:
        """Start to catch up with hops that are decoded too slowly; the newest is current."""
        self.behind = True
        self._smallest_lag_ns, self._until_ns = NEVER_NS, 0

    def cancel(self) -> None:
        """Stop catching up, because nothing is held back on a new connection."""
        self.behind = False

    def is_old(self, lag_ns: int, arrived_ns: int, is_drained: bool) -> bool:
        """Return True if a hop that arrived now was held back: more waits, or it lags too much.

        While the lag shrinks, and for a second after, there is a backlog. Then the lag counts as
        usual, because a paused source may continue with the stamps at which it stopped.
        """
        if lag_ns < self._smallest_lag_ns - NS_PER_MS:
            self._smallest_lag_ns = lag_ns
            self._until_ns = arrived_ns + NS_PER_S
        held_back = lag_ns > self._usual_lag_ns + self._hop_ns
        return not is_drained or (held_back and arrived_ns < self._until_ns)

    def published(self, lag_ns: int, n_passed_over: int) -> None:
        """Note the lag of a published hop, and the number of hops passed over with it."""
        self._usual_lag_ns = lag_ns
        self.behind = n_passed_over > 0
