"""See which streams are there and answer."""

from collections.abc import Collection

import pylsl

from rt_ner.lsl.discovery import metadata_of
from rt_ner.lsl.network.search import StreamSearch


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
