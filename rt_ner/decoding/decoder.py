"""Decoder: bins → window → encoder → readout, as a plain core without I/O.

The live loop and the offline evaluation run this same code on the same chunks, so that what is
scored offline is what is decoded in the rig, bit for bit.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from rt_ner.core.arrays import Float32Array
from rt_ner.decoding.binning.binner import SpikeBinner
from rt_ner.decoding.chunks import Chunk, Decoded
from rt_ner.decoding.encoding.encoder import Encoder, encoder_of
from rt_ner.decoding.encoding.weights import EncoderWeights
from rt_ner.decoding.readout import Readout
from rt_ner.decoding.windows import Window, WindowShape

_WARM_UP_HOPS = 100


@dataclass(frozen=True, eq=False)
class DecoderSpecification:
    """All that it takes to decode: channels in order, window, ONNX graph and readout.

    ``weights``: the graph's network as plain arrays, which is faster; None where there are none.
    """

    channel_ids: tuple[str, ...]
    window: WindowShape
    encoder_onnx: bytes
    readout: Readout
    weights: EncoderWeights | None = None


class DecodingModel(NamedTuple):
    """What turns a window into velocity: an encoder and the readout of its latents."""

    encoder: Encoder
    readout: Readout


class Decoder:
    """Decodes velocity from what a binner makes of the input.

    ``now_ns`` stamps the stages and nothing else: no result depends on it. ``model`` may be
    replaced between two pushes, by `use`.
    """

    def __init__(
        self, model: DecoderSpecification, binner: SpikeBinner[Any], now_ns: Callable[[], int]
    ) -> None:
        self._shape = model.window
        self._now_ns = now_ns
        self.binner = binner
        self._window = Window(self._shape, len(model.channel_ids))
        self._decoding_model = self._built(model)
        self._velocity: Float32Array = np.zeros(2, dtype=np.float32)
        self._warmed: Float32Array = np.zeros(2, dtype=np.float32)
        self.n_nonfinite = 0

    @property
    def model(self) -> DecodingModel:
        """What is decoded with now."""
        return self._decoding_model

    def prepared(self, model: DecoderSpecification) -> DecodingModel:
        """The decoding model of another model of the same channels and window, ready for `use`.

        May be called from any thread while another decodes.
        """
        decoding_model = self._built(model)
        for _ in range(_WARM_UP_HOPS):
            decoding_model.encoder.warm_caches()
        return decoding_model

    def use(self, decoding_model: DecodingModel) -> None:
        """Go on with a decoding model that was `prepared`, between two pushes."""
        decoding_model.encoder.fill()
        self._decoding_model = decoding_model

    def _built(self, model: DecoderSpecification) -> DecodingModel:
        return DecodingModel(
            encoder_of(model.encoder_onnx, model.weights, self._window), model.readout
        )

    def reset(self, now_ns: int) -> None:
        """Forget all history; velocity is zero until it has filled again. The totals stay."""
        self.binner.reset(now_ns)
        self._window.reset()
        self._velocity[:] = 0

    def warm_up(self, dtype: np.dtype[np.generic]) -> None:
        """Decode silence, so that nothing is compiled or first allocated on real data.

        ``dtype``: of what the binner will get. Forgets all history and the source's time: made
        for a new connection.
        """
        self.binner.warm_up_as(dtype)
        n_nonfinite = self.n_nonfinite
        for hop in range(self._shape.n_hops + _WARM_UP_HOPS):
            self._decode_hop(hop * self._shape.hop_ns)
        self.n_nonfinite = n_nonfinite
        self._window.reset()
        self._velocity[:] = 0

    def warm_caches(self, nothing: Chunk | None = None) -> Float32Array:
        """Run the next step on what is there already, for its effect on the caches alone.

        ``nothing``: a chunk without samples, to go the way of one that has some. Gives the velocity
        that the step came to.
        A step that finds code and weights evicted takes ten times as long as one that does not.
        No result changes: the same numbers are written again, and the next hop rewrites them.
        """
        encoder, readout = self._decoding_model
        encoder.warm_caches()
        readout.decode(encoder.latent, self._warmed)
        if nothing is not None:
            for _ in self.binner.push(nothing):
                pass
        return self._warmed

    def push(self, chunk: Chunk) -> Iterator[Decoded]:
        """Take a chunk of the binner's kind; yield what is decoded at each hop that it closes."""
        for end_ns in self.binner.push(chunk):
            yield self._decode_hop(end_ns)

    def catch_up(self, chunk: Chunk) -> tuple[Decoded | None, int]:
        """Take a chunk, but decode only the newest hop that it closes; how many were passed over.

        The history is complete all the same.
        """
        n_closed, ready, newest_ns = 0, False, 0
        for newest_ns in self.binner.push(chunk):
            ready = self._take_hop(newest_ns)
            n_closed += 1
        if not n_closed:
            return None, 0
        return self._decode(newest_ns, self._now_ns(), ready), n_closed - 1

    def _decode_hop(self, end_ns: int) -> Decoded:
        closed_ns = self._now_ns()
        return self._decode(end_ns, closed_ns, self._take_hop(end_ns))

    def _take_hop(self, end_ns: int) -> bool:
        """Put the counts of a hop into the window; whether history is full."""
        ready = self._window.push(end_ns, self.binner.counts)
        self._decoding_model.encoder.push()
        return ready

    def _decode(self, end_ns: int, closed_ns: int, ready: bool) -> Decoded:
        decodable = ready and not self.binner.invalid
        encoder, readout = self._decoding_model
        latent = encoder.latent
        if decodable:
            encoder.encode()
        else:
            latent[:] = np.nan
        embedded_ns = self._now_ns()
        if decodable:
            self.n_nonfinite += not readout.decode(latent, self._velocity)
        else:
            self._velocity[:] = 0
        return Decoded(
            end_ns, ready, latent, self._velocity, closed_ns, embedded_ns, self._now_ns()
        )
