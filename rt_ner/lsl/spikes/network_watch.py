"""Watch the sources on the network while the loop decodes.

LSL is open to everybody. While one source is decoded, the watch finds others that would have
matched, of which the operator must hear. It also finds the source itself under a new identity,
which shows that a connection that has gone silent is dead.
"""

from collections.abc import Callable, Sequence

import pylsl

from rt_ner.lsl.discovery import StreamQuery, describe_stream


class NetworkWatch:
    """A watch for streams that match a query but are not the one in use; a `Lookout` shows them.

    Parameters
    ----------
    query
        Description of the streams.
    notify
        Called, from the lookout's thread, with a notice of each such stream.

    Attributes
    ----------
    source_came_back
        True if the stream in use is on the network under a new identity.

    """

    def __init__(self, query: StreamQuery, notify: Callable[[str], None]) -> None:
        self._query = query
        self._notify = notify
        self._same: StreamQuery | None = None
        # Those that were in use stay visible for a while after they have ended.
        self._used: set[str] = set()
        self._known: set[str] = set()
        self.source_came_back = False

    def connected_to(self, uid: str, same: StreamQuery) -> None:
        """Take note of the stream in use, and of the query that finds it if it comes back."""
        self._used.add(uid)
        self._same = same
        self.source_came_back = False

    def searching(self) -> None:
        """Take note that no stream is in use, so none is another one: any may be chosen."""
        self._same = None

    def look(self, seen: Sequence[pylsl.StreamInfo]) -> None:
        """Notice the source that came back, and others that match, once each."""
        same = self._same
        if same is None:
            return
        others = [info for info in self._query.among(seen) if info.uid() not in self._used]
        if self._same is not same:
            return
        self.source_came_back = any(same.matches(info) for info in others)
        for info in others:
            if info.uid() not in self._known:
                self._known.add(info.uid())
                self._notify(f"another stream matches and is left alone: {describe_stream(info)}")
