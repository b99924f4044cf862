"""See which streams are there and answer."""

from collections.abc import Collection

import pylsl

from rt_ner.lsl.network.search import StreamSearch

_ANSWER_S = 1.0


class Network:
    """The streams on the network, by source_id; the search for them goes on as long as it lives."""

    def __init__(self) -> None:
        self._search = StreamSearch()

    def answering(self, source_ids: Collection[str]) -> set[str]:
        """Return those of some source_ids whose streams are there and answer."""
        seen = [info for info in self._search.seen() if info.source_id() in source_ids]
        return {info.source_id() for info in seen if metadata_of(info) is not None}

    def settled(self) -> list[pylsl.StreamInfo]:
        """Return all visible streams, once each has had time to answer."""
        return self._search.settled()


def metadata_of(info: pylsl.StreamInfo) -> pylsl.StreamInfo | None:
    """Return a visible stream's full metadata; None if its sender does not answer, as if ended."""
    try:
        return pylsl.StreamInlet(info, recover=False).info(_ANSWER_S)
    except (pylsl.util.TimeoutError, pylsl.util.LostError):
        return None
