"""Receive spikes over LSL, from the stream that the settings ask for."""

import time
from collections.abc import Callable, Sequence

from rt_ner.decoding.input.settings import InputKind, InputSettings
from rt_ner.live.ports.protocols import SpikeSource
from rt_ner.lsl.discovery import find_stream, query_for_same, spike_query
from rt_ner.lsl.network.lookout import Lookout
from rt_ner.lsl.network.own_names import OwnNames
from rt_ner.lsl.network.search import POLL_S, StreamSearch
from rt_ner.lsl.spikes.network_watch import NetworkWatch
from rt_ner.lsl.spikes.spike_inlet import SpikeInlet
from rt_ner.lsl.streams import local_now_ns

_LOOK_EVERY_S = 1.0


class LslClock:
    """The local LSL clock."""

    def now_ns(self) -> int:
        """Return the present, in ns."""
        return local_now_ns()

    def sleep(self, seconds: float) -> None:
        """Let others run for a while."""
        time.sleep(seconds)


class LslSpikes:
    """The spikes port over LSL.

    ``names`` are the decoder's own. ``alarm`` is called with a notice of other streams that
    match, or of another computer of this one's name. ``watched``: further
    lookouts, closed with the port.
    """

    def __init__(
        self,
        settings: InputSettings,
        names: OwnNames,
        alarm: Callable[[str], None],
        watched: Sequence[Lookout] = (),
    ) -> None:
        self._kind: InputKind = settings.kind
        self._query = spike_query(settings)
        self._own = names.own
        self._alarm = alarm
        self._watch = NetworkWatch(self._query, alarm)
        # The search that found the name free has settled, and finds the source at once.
        search = self._new_search() if settings.predicate else names.search
        self._search: StreamSearch | None = search
        self._lookouts = [*watched, Lookout([self._watch], search, _LOOK_EVERY_S)]

    def find(
        self, wait_s: float, is_stopped: Callable[[], bool], note: Callable[[str], None]
    ) -> SpikeInlet | None:
        """Return the one stream that matches the settings; None if stopped meanwhile.

        Raises StreamError if none appears in time, several match, or it is of the wrong kind, and
        SourceLostError if it does not answer.
        """
        self._watch.searching()
        # Later on, the first search still shows the source that has just gone.
        search, self._search = self._search or self._new_search(), None
        info = find_stream(self._query, wait_s, is_stopped, note, search)
        return None if info is None else SpikeInlet(info, self._kind, self._alarm)

    def pin(self, source: SpikeSource) -> None:
        """Find this very stream alone from now on, should it go and come back."""
        assert isinstance(source, SpikeInlet)
        self._query = query_for_same(source.info)
        self._watch.connected_to(source.info.uid(), self._query)

    @property
    def source_came_back(self) -> bool:
        """True if the stream is back under a new identity, so that its old connection is dead."""
        return self._watch.source_came_back

    def wait_for_others(self, is_stopped: Callable[[], bool]) -> None:
        """Wait until other matching streams are there than now, or until stopped."""
        others_appeared = self.watch_for_others(is_stopped)
        while not is_stopped():
            if others_appeared():
                return

    def watch_for_others(self, is_stopped: Callable[[], bool]) -> Callable[[], bool]:
        """Return a function that is True once other matching streams are there than now."""
        search = self._new_search()
        refused = {info.uid() for info in self._query.among(search.settled(is_stopped))}

        def have_appeared() -> bool:
            time.sleep(POLL_S)
            found = {info.uid() for info in self._query.among(search.seen())}
            return bool(found) and found != refused

        return have_appeared

    def close(self) -> None:
        """Stop looking."""
        for lookout in self._lookouts:
            lookout.close()

    def _new_search(self) -> StreamSearch:
        return StreamSearch(self._query.predicate, self._own)
