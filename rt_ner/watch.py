"""Watch: an eye on the network while the loop decodes, from a thread of its own.

LSL is open to everybody. While one source is decoded, this finds others that would have matched
(strangers, to be told of), and the source itself come back under a new identity, which shows that
a connection that has gone silent is dead.
"""

from collections.abc import Callable
from threading import Event, Thread

from rt_ner.streams import StreamWish, describe_stream

_PAUSE_S = 1.0


class Watch:
    """Watches for streams that match ``wish`` but are not the one in use."""

    def __init__(self, wish: StreamWish, notify: Callable[[str], None]) -> None:
        self._wish = wish
        self._notify = notify
        self._own: tuple[str, StreamWish] | None = None
        self._known: set[str] = set()
        self._closed = Event()
        self.source_came_back = False
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def connected_to(self, uid: str, same: StreamWish) -> None:
        """The stream that is in use from now on, and the wish for it should it come back."""
        self._own = (uid, same)
        self.source_came_back = False

    def close(self) -> None:
        """Watch no longer."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.wait(_PAUSE_S):
            own = self._own
            if own is None:
                continue
            uid, same = own
            others = [info for info in self._wish.resolve()[0] if info.uid() != uid]
            if self._own is not own:
                continue
            self.source_came_back = any(same.matches(info) for info in others)
            for info in others:
                if info.uid() not in self._known:
                    self._known.add(info.uid())
                    self._notify(
                        f"another stream matches and is left alone: {describe_stream(info)}"
                    )
