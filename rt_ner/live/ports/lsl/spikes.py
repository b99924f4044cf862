"""Spikes in over LSL: the stream that the settings ask for, pinned once it was found."""

import time
from collections.abc import Callable

from rt_ner.decoding.input.settings import InputKind, InputSettings
from rt_ner.live.ports.protocols import SpikeSource
from rt_ner.lsl.discovery import find_stream, query_for_same, spike_query
from rt_ner.lsl.spikes.network_watch import NetworkWatch
from rt_ner.lsl.spikes.spike_inlet import SpikeInlet
from rt_ner.lsl.streams import local_now_ns

_LOOK_AGAIN_S = 0.2


class LslClock:
    """LSL's clock on this computer."""

    def now_ns(self) -> int:
        """Return the present."""
        return local_now_ns()

    def sleep(self, seconds: float) -> None:
        """Let others run for a while."""
        time.sleep(seconds)


class LslSpikes:
    """Finds the spike stream on the network. ``alarm`` hears of strangers that match it too."""

    def __init__(self, settings: InputSettings, alarm: Callable[[str], None]) -> None:
        self._kind: InputKind = settings.kind
        self._query = spike_query(settings)
        self._watch = NetworkWatch(self._query, alarm)

    def find(
        self, wait_s: float, is_stopped: Callable[[], bool], note: Callable[[str], None]
    ) -> SpikeInlet | None:
        """Return the one stream that is wanted; None if stopped meanwhile.

        StreamError if none appears in time, several match, or it is of the wrong kind.
        SourceLostError if it does not answer.
        """
        info = find_stream(self._query, wait_s, is_stopped, note)
        return None if info is None else SpikeInlet(info, self._kind)

    def pin(self, source: SpikeSource) -> None:
        """From now on find this very stream alone, should it go and come back."""
        assert isinstance(source, SpikeInlet)
        self._query = query_for_same(source.info)
        self._watch.connected_to(source.info.uid(), self._query)

    @property
    def source_came_back(self) -> bool:
        """True if the stream is there anew, so that the connection to it is dead."""
        return self._watch.source_came_back

    def wait_for_others(self, is_stopped: Callable[[], bool]) -> None:
        """Return once other streams that match are there than now, or when stopped."""
        refused = {info.uid() for info in self._query.resolve()[0]}
        while not is_stopped():
            found = {info.uid() for info in self._query.resolve(_LOOK_AGAIN_S)[0]}
            if found and found != refused:
                return

    def close(self) -> None:
        """Look no longer."""
        self._watch.close()
