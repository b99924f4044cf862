"""Watch for signs of life in the input: samples that were used, and their times."""

from rt_ner.core.clock import NS_PER_S

# A connection that was silent for so long is given up.
GIVE_UP_NS = 5 * NS_PER_S


class InputWatch:
    """A watch over the number of used samples; late and repeated ones are no sign of life.

    ``is_fed``: True once input has come over this connection. ``is_stale``: True from when it
    stopped until it comes again. ``fed_at_ns``: time of the newest usable input. ``due_ns``: time
    at which the silence will be too long.
    """

    def __init__(self, stale_ns: int) -> None:
        self._stale_ns = stale_ns
        self._n_used = 0
        self.is_fed = self.is_stale = False
        self.fed_at_ns = 0
        self.due_ns = 0

    def connect(self, now_ns: int) -> None:
        """Start over with a new connection."""
        self.is_fed = self.is_stale = False
        self.due_ns = now_ns + self._stale_ns

    def is_silent(self, n_used: int, now_ns: int) -> bool:
        """Return True each time that a whole ``stale_ns`` has passed without usable input."""
        if n_used != self._n_used:
            self._n_used = n_used
            self.fed_at_ns = now_ns
            self.is_fed, self.is_stale = True, False
            self.due_ns = now_ns + self._stale_ns
            return False
        if now_ns < self.due_ns:
            return False
        self.due_ns += self._stale_ns
        return True

    def was_paused(self, from_ns: int, to_ns: int) -> bool:
        """Return True if one wait took so long that this process must have been paused."""
        return to_ns - from_ns > self._stale_ns

    def has_no_hops(self, hop_ns: int, since_ns: int, now_ns: int) -> bool:
        """Return True if no hop was published for too long, with or without input."""
        return now_ns >= since_ns + self._stale_ns + hop_ns

    def is_dead(self, now_ns: int) -> bool:
        """Return True if the silence is so long that the connection is given up."""
        return now_ns - self.fed_at_ns > GIVE_UP_NS
