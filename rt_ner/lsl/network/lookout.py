"""Look out for streams while a program runs, from a thread of its own."""

from collections.abc import Sequence
from threading import Event, Thread
from typing import Protocol

import pylsl

from rt_ner.lsl.network.search import StreamSearch

_EVERY_S = 0.25


class Watcher(Protocol):
    """An object that wants to know which streams are on the network."""

    def look(self, seen: Sequence[pylsl.StreamInfo]) -> None:
        """Take note of the visible streams."""


class Lookout:
    """A thread that shows some watchers the visible streams, again and again, until closed.

    Parameters
    ----------
    watchers
        The objects that are shown the streams.
    search
        The search that finds them; None: a new one, of all streams.
    every_s
        Time between two looks, in s.

    """

    def __init__(
        self,
        watchers: Sequence[Watcher],
        search: StreamSearch | None = None,
        every_s: float = _EVERY_S,
    ) -> None:
        self._watchers = watchers
        self._search = search or StreamSearch()
        self._every_s = every_s
        self._closed = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        self._search.settled(self._closed.is_set)
        while not self._closed.is_set():
            seen = self._search.seen()
            for watcher in self._watchers:
                watcher.look(seen)
            self._closed.wait(self._every_s)
