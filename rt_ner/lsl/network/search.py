"""Search the network for streams: the one way in which every part of rt-ner sees them."""

import socket
import time
from collections.abc import Callable, Set

import pylsl

from rt_ner.core.errors import StreamError

# liblsl asks all computers near by at once, and after 0.5 s each one that it was told of, which
# answers within the rest. On a computer without a network only the second question is heard.
_SETTLED_S = 0.6
# It asks anew every 1.75 s. A stream that misses one question has not gone.
_FORGET_S = 4.0
POLL_S = 0.02
# Nothing is sent to these addresses: they only show if there is a way to others or to ourselves.
_OTHERS, _OURSELVES = ("239.255.172.215", 16571), ("127.0.0.1", 16571)


class StreamSearch:
    """A search that begins at once and goes on as long as it is kept.

    Parameters
    ----------
    predicate
        Condition on the streams in liblsl's XPath 1.0, such as ``starts-with(name,'Cere')``;
        empty: all streams.
    own
        Unique ids (``uid``) of this program's own streams, which the search does not show. They
        may be added later.

    Raises
    ------
    StreamError
        If liblsl can't read the predicate, or this computer has no network at all.

    """

    def __init__(self, predicate: str = "", own: Set[str] = frozenset()) -> None:
        self._own = own
        self._settled_at_s = time.monotonic() + _SETTLED_S
        _check_network()
        try:
            self._resolver = pylsl.ContinuousResolver(
                pred=predicate or None, forget_after=_FORGET_S
            )
        except RuntimeError as error:
            raise StreamError(
                f"predicate = {predicate!r} is not XPath 1.0 that liblsl can read: expected "
                "something like starts-with(name,'Cere') and channel_count=96"
            ) from error

    @property
    def is_settled(self) -> bool:
        """True once every stream that was there at the beginning has had time to answer."""
        return time.monotonic() >= self._settled_at_s

    def seen(self) -> list[pylsl.StreamInfo]:
        """Return the visible streams, without waiting; one that ends stays for some seconds."""
        return [info for info in self._resolver.results() if info.uid() not in self._own]

    def settled(self, stopped: Callable[[], bool] = lambda: False) -> list[pylsl.StreamInfo]:
        """Return the visible streams once the search has settled, or as soon as ``stopped``."""
        while not (self.is_settled or stopped()):
            time.sleep(POLL_S)
        return self.seen()


def reaches_others() -> bool:
    """Return True if this computer has a network, so that LSL can ask all others at once."""
    return not _obstacle(_OTHERS)


def _check_network() -> None:
    """Raise StreamError if LSL can reach nobody, not even programs on this computer."""
    if not reaches_others() and (obstacle := _obstacle(_OURSELVES)):
        raise StreamError(
            f"this computer has no network, not even to itself ({obstacle}), and LSL needs one: "
            "bring up the loopback interface, e.g. with ip link set lo up"
        )


def _obstacle(address: tuple[str, int]) -> str:
    """Return why there is no route to an address; empty if there is one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(address)
        except OSError as error:
            return str(error)
    return ""
