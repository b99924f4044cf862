"""Backlog: tells hops that were held back on their way from the newest, after an outage.

A cursor has no use for velocities of the past: sent all at once, they would make it jump. All
times are ns of the local clock; a hop's lag is from its end to the arrival of its data.
"""

from rt_ner.core.clock import FOREVER_NS, NEVER_NS, NS_PER_MS, NS_PER_S


class Backlog:
    """Catches up after an outage or an overload, until a hop lags no more than is usual.

    ``behind``: whether it is catching up.
    """

    def __init__(self, hop_ns: int) -> None:
        self._hop_ns = hop_ns
        self._usual_lag_ns = 0
        self._smallest_lag_ns = FOREVER_NS
        self._until_ns = 0
        self.behind = False

    def begin_after_outage(self) -> None:
        """Hops may have been held back: the lag tells."""
        self.behind = True
        self._smallest_lag_ns = FOREVER_NS

    def begin_in_overload(self) -> None:
        """Hops come faster than they are decoded: they lag for that, and the newest is of now."""
        self.behind = True
        self._smallest_lag_ns, self._until_ns = NEVER_NS, 0

    def cancel(self) -> None:
        """A new connection: nothing was held back."""
        self.behind = False

    def is_old(self, lag_ns: int, arrived_ns: int, is_drained: bool) -> bool:
        """Whether a hop that arrived now was held back: more waits, or it lags more than usual.

        As long as the lag shrinks, and for a second after, it is a backlog. Then it is the usual:
        a source that was paused may go on with the stamps where it stopped.
        """
        if lag_ns < self._smallest_lag_ns - NS_PER_MS:
            self._smallest_lag_ns = lag_ns
            self._until_ns = arrived_ns + NS_PER_S
        held_back = lag_ns > self._usual_lag_ns + self._hop_ns
        return not is_drained or (held_back and arrived_ns < self._until_ns)

    def published(self, lag_ns: int, n_passed_over: int) -> None:
        """A hop was shown, and so many that closed with it were not."""
        self._usual_lag_ns = lag_ns
        self.behind = n_passed_over > 0
