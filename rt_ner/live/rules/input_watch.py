"""Watch for signs of life in the input: samples that were used, and their times."""

import math

from rt_ner.core.clock import NS_PER_MS, NS_PER_S

# A connection that was silent for so long is given up.
GIVE_UP_NS = 5 * NS_PER_S
# Outages in a row, each no longer than this many times ``stale_ms``, that show chunks to be long.
_ENOUGH, _LONGEST = 3, 5
SMOOTHING = (
    "has uneven time stamps (bursts stamped when they were sent, or jitter), so the decoder "
    'smooths them; if they are right as they are, set stamps = "as-sent" in [input]'
)


def slow_chunks(chunk_ms: float, stale_ms: float) -> str:
    """Return the end of a sentence on a stream whose chunks are longer than ``stale_ms``."""
    enough_ms = math.ceil(chunk_ms * 1.5 / 50) * 50
    return (
        f"sends data every {chunk_ms:.0f} ms, later than stale_ms = {stale_ms:g}, so the cursor "
        f"stops after each chunk: send shorter chunks, or set stale_ms = {enough_ms} in [safety]"
    )


class InputWatch:
    """A watch over the number of used samples; late and repeated ones are no sign of life.

    ``is_fed``: True once input has come over this connection. ``is_stale``: True from when it
    stopped until it comes again. ``fed_at_ns``: time of the newest usable input. ``due_ns``: time
    at which the silence will be too long.
    """

    def __init__(self, stale_ns: int) -> None:
        self._stale_ns = stale_ns
        self._n_used = 0
        self._n_outages = 0
        self.is_fed = self.is_stale = False
        self._slowness = ""
        self.fed_at_ns = 0
        self._pulled_ns = 0
        self.due_ns = 0

    def connect(self, now_ns: int) -> None:
        """Start over with a new connection."""
        self.is_fed = self.is_stale = False
        self._pulled_ns = now_ns
        self.due_ns = now_ns + self._stale_ns

    def is_silent(self, n_used: int, now_ns: int) -> bool:
        """Return True each time that a whole ``stale_ns`` has passed without usable input."""
        if n_used != self._n_used:
            self._n_used = n_used
            if self.is_stale:
                self._note_outage(now_ns)
            self.fed_at_ns = now_ns
            self.is_fed, self.is_stale = True, False
            self.due_ns = now_ns + self._stale_ns
            return False
        if now_ns < self.due_ns:
            return False
        self.due_ns += self._stale_ns
        return True

    def _note_outage(self, now_ns: int) -> None:
        """Count an outage that ends now, and tell from several short ones that chunks are long."""
        away_ns = now_ns - self.fed_at_ns
        is_short = away_ns < _LONGEST * self._stale_ns
        self._n_outages = self._n_outages + 1 if is_short else 0
        if self._n_outages >= _ENOUGH:
            self._slowness = slow_chunks(away_ns / NS_PER_MS, self._stale_ns / NS_PER_MS)

    def new_slowness(self) -> str:
        """Return, once, the end of a sentence on chunks that are too long; empty if none is due."""
        slowness, self._slowness = self._slowness, ""
        return slowness

    def was_paused(self, pulled_ns: int) -> bool:
        """Return True if this process must have been paused since the pull before this one."""
        since_ns, self._pulled_ns = self._pulled_ns, pulled_ns
        return pulled_ns - since_ns > self._stale_ns

    def has_no_hops(self, hop_ns: int, since_ns: int, now_ns: int) -> bool:
        """Return True if no hop was published for too long, with or without input."""
        return now_ns >= since_ns + self._stale_ns + hop_ns

    def is_dead(self, now_ns: int) -> bool:
        """Return True if the silence is so long that the connection is given up."""
        return now_ns - self.fed_at_ns > GIVE_UP_NS
