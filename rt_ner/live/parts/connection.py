"""Connect a source of spikes with the decoder that its spikes fit."""

from collections.abc import Callable
from typing import Any, NamedTuple

from rt_ner.core.clock import ns_from_ms
from rt_ner.core.errors import StreamError
from rt_ner.decoding.decoder import Decoder
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.live.ports.protocols import Clock, SpikesIn, SpikeSource
from rt_ner.live.settings import DecodeSettings, live_binner


class Connection(NamedTuple):
    """A source of spikes, and the warmed-up decoder for them, without history."""

    source: SpikeSource
    decoder: Decoder


class Connector:
    """A connector that finds the source, again and again.

    The decoder is made once, and its counts stay. ``decoder`` is None until a source was found.
    """

    def __init__(
        self, spikes: SpikesIn, model: DecoderSpecification, settings: DecodeSettings, clock: Clock
    ) -> None:
        self._spikes = spikes
        self._model = model
        self._settings = settings
        self._clock = clock
        self._stream: Any = None
        self.decoder: Decoder | None = None

    def find(
        self, wait_s: float, is_stopped: Callable[[], bool], note: Callable[[str], None]
    ) -> Connection | None:
        """Return a connection that is not open yet; None if stopped meanwhile.

        Raises StreamError if the source does not fit the bundle, or came back changed.
        """
        source = self._spikes.find(wait_s, is_stopped, note)
        return None if source is None else Connection(source, self._decoder_for(source))

    def open(self, connection: Connection) -> None:
        """Begin to receive, from now on from this source alone, whatever else appears."""
        source, decoder = connection
        source.open(decoder.binner, ns_from_ms(self._settings.safety.clock_step_ms))
        decoder.binner.restart(self._clock.now_ns())
        self._spikes.pin(source)

    def _decoder_for(self, source: SpikeSource) -> Decoder:
        if self.decoder is None:
            binner = live_binner(source.stream, self._model, self._settings)
            self.decoder = Decoder(self._model, binner, self._clock.now_ns)
            self._stream = source.stream
        elif self._stream and (changes := self._stream.changed(source.stream)):
            raise StreamError(
                f"the source came back changed: {changes}. {self._remedy(source.stream)}"
            )
        self.decoder.warm_up(source.dtype)
        return self.decoder

    def _remedy(self, stream: Any) -> str:
        """Return the remedy for a source that came back as this stream."""
        try:
            live_binner(stream, self._model, self._settings)
        except StreamError:
            return "Start it as it was, because the bundle does not fit it"
        return "Start it as it was, or restart the decoder"
