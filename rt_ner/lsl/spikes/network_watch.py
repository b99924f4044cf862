"""NetworkWatch: an eye on the network while the loop decodes, from a thread of its own.

LSL is open to everybody. While one source is decoded, this finds others that would have matched
(strangers, to be told of), and the source itself come back under a new identity, which shows that
a connection that has gone silent is dead.
"""

from collections.abc import Callable
from threading import Event, Thread

from rt_ner.lsl.discovery import StreamQuery, describe_stream

_PAUSE_S = 1.0


class NetworkWatch:
    """Watches for streams that match ``query`` but are not the one in use."""

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
        """The stream that is in use from now on, and the query for it should it come back."""
        self._own = (uid, same)
        self.source_came_back = False

    def close(self) -> None:
        """NetworkWatch no longer."""
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
