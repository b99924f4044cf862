"""Watch the network while the loop decodes, from a thread of its own.

LSL is open to everybody. While one source is decoded, the watch finds others that would have
matched, of which the operator must hear. It also finds the source itself under a new identity,
which shows that a connection that has gone silent is dead.
"""

from collections.abc import Callable
from threading import Event, Thread

from rt_ner.lsl.discovery import StreamQuery, describe_stream

_PAUSE_S = 1.0


class NetworkWatch:
    """A watch for streams that match a query but are not the one in use.

    Parameters
    ----------
    query
        Description of the streams.
    notify
        Called, from the watch's thread, with a notice of each such stream.

    Attributes
    ----------
    source_came_back
        True if the stream in use is on the network under a new identity.

    """

    def __init__(self, query: StreamQuery, notify: Callable[[str], None]) -> None:
        self._query = query
        self._notify = notify
        self._own: tuple[str, StreamQuery] | None = None
        self._known: set[str] = set()
        self._closed = Event()
        self.source_came_back = False
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def connected_to(self, uid: str, same: StreamQuery) -> None:
        """Take note of the stream in use, and of the query that finds it if it comes back."""
        self._own = (uid, same)
        self.source_came_back = False

    def close(self) -> None:
        """Stop watching."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.wait(_PAUSE_S):
            own = self._own
            if own is None:
                continue
            uid, same = own
            others = [info for info in self._query.resolve()[0] if info.uid() != uid]
            if self._own is not own:
                continue
            self.source_came_back = any(same.matches(info) for info in others)
            for info in others:
                if info.uid() not in self._known:
                    self._known.add(info.uid())
                    self._notify(
                        f"another stream matches and is left alone: {describe_stream(info)}"
                    )
