"""Keep the names of a program's own streams to itself.

LSL is open to everybody. If two programs publish under one source_id, clients can't tell them
apart, and go over to the other when the first ends: a cursor would follow another rig.
"""

import sys
from collections.abc import Callable, Iterable, Sequence

import pylsl

from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.core.errors import StreamError
from rt_ner.lsl.network.lookout import Lookout
from rt_ner.lsl.network.search import StreamSearch

_WATCH_EVERY_S = 1.0


class OwnNames:
    """The source_ids of one publisher, which nobody else on the network may use.

    Make it before the streams are opened, `add` each that is opened, and have a `Lookout` show it
    the network while they are open.

    Parameters
    ----------
    source, kinds
        The publisher's name, and the kinds of its streams.

    Attributes
    ----------
    own
        Unique ids (``uid``) of the streams that were added.
    search
        The search that found nobody else; it does not show the publisher's own streams.
    alarm
        Called with a sentence on each computer that publishes under the same name later; prints it
        on stderr unless it is set.

    Raises
    ------
    StreamError
        If somebody publishes under one of these source_ids already.

    """

    def __init__(self, source: str, kinds: Iterable[Kind]) -> None:
        self.own: set[str] = set()
        self.search = StreamSearch(own=self.own)
        self.alarm: Callable[[str], object] = _print
        self._source = source
        self._ids = {source_id_of(source, kind) for kind in kinds}
        self._known: set[str] = set()
        if strangers := self._strangers(self.search.settled()):
            raise StreamError(
                f"the name '{source}' is taken: {_listed(strangers)}. Stop that program, or "
                "choose another name with --name (a decoder: or with source under [output])"
            )

    def add(self, outlet: pylsl.StreamOutlet) -> None:
        """Take note of a stream of the publisher's own."""
        self.own.add(outlet.get_info().uid())

    def watch(self) -> Lookout:
        """Look out for others with the same name until the lookout is closed."""
        return Lookout([self], self.search, _WATCH_EVERY_S)

    def look(self, seen: Sequence[pylsl.StreamInfo]) -> None:
        """Raise the alarm for each computer that has begun to publish under the same name."""
        strangers = self._strangers(seen)
        for host in strangers.keys() - self._known:
            self.alarm(
                f"ALARM: somebody else publishes as '{self._source}' too: "
                f"{_listed({host: strangers[host]})}. Clients may take one for the other: stop "
                "that program, or restart one of the two under another name (--name)"
            )
        self._known = set(strangers)

    def _strangers(self, seen: Sequence[pylsl.StreamInfo]) -> dict[str, list[str]]:
        """Return the streams of others with these source_ids, by host."""
        strangers: dict[str, list[str]] = {}
        for info in seen:
            if info.source_id() in self._ids and info.uid() not in self.own:
                strangers.setdefault(info.hostname(), []).append(info.source_id())
        return strangers


def _listed(strangers: dict[str, list[str]]) -> str:
    """Return which host publishes which streams, in words."""
    return "; ".join(
        f"host {host} publishes {', '.join(sorted(set(ids)))}" for host, ids in strangers.items()
    )


def _print(alarm: str) -> None:
    sys.stderr.write(f"{alarm}\n")
