"""Decoder: bins → window → encoder → readout, as a plain core without I/O.

The live loop and the offline evaluation run this same code on the same chunks, so that what is
scored offline is what is decoded in the rig, bit for bit.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from rt_ner.arrays import Float32Array
from rt_ner.bins import HopCounter
from rt_ner.encoder import Encoder
from rt_ner.errors import StreamError
from rt_ner.messages import Decoded, RasterChunk
from rt_ner.readout import Readout
from rt_ner.windows import Window, WindowShape

_WARM_UP_HOPS = 100


@dataclass(frozen=True, eq=False)
class DecoderModel:
    """All that it takes to decode: channels in order, window, ONNX graph and readout."""

    channel_ids: tuple[str, ...]
    window: WindowShape
    encoder_onnx: bytes
    readout: Readout


class Decoder:
    """Decodes velocity from raster chunks whose samples last ``period_ns``.

    ``now_ns`` stamps the stages and nothing else: no result depends on it.
    """

    def __init__(self, model: DecoderModel, period_ns: int, now_ns: Callable[[], int]) -> None:
        n_channels = len(model.channel_ids)
        self._shape = model.window
        if self._shape.hop_ns % period_ns:
            raise StreamError(
                f"raster samples of {period_ns / 1e6:g} ms don't fill the bundle's hops of "
                f"{self._shape.hop_ns / 1e6:g} ms evenly: use a source whose sample period "
                "divides the hop, or train a bundle with another hop"
            )
        self.period_ns = period_ns
        self._now_ns = now_ns
        self._readout = model.readout
        self._counter = HopCounter(n_channels, self._shape.hop_ns, period_ns)
        self._window = Window(self._shape, n_channels)
        self._encoder = Encoder(model.encoder_onnx, self._window.values)
        self._velocity: Float32Array = np.zeros(2, dtype=np.float32)
        self.n_nonfinite = 0

    @property
    def n_late(self) -> int:
        """Samples dropped because their time did not advance."""
        return self._counter.n_late

    @property
    def n_missing(self) -> int:
        """Samples that the source's own stamps show to be missing."""
        return self._counter.n_missing

    @property
    def newest_sample_ns(self) -> int:
        """Stamp of the sample that was counted last."""
        return self._counter.newest_ns

    def reset(self) -> None:
        """Forget all history; velocity is zero until it has filled again. The totals stay."""
        self._counter.reset()
        self._window.reset()

    def warm_up(self, counts_dtype: np.dtype[np.generic]) -> None:
        """Decode silence, so that nothing is compiled or first allocated on real data.

        Forgets all history and the source's time: made for a new connection.
        """
        n_samples = (self._shape.n_hops + _WARM_UP_HOPS) * self._shape.hop_ns // self.period_ns
        stamp_ns = np.arange(1, n_samples + 1, dtype=np.int64) * self.period_ns
        silence = np.zeros((n_samples, self._counter.counts.size), dtype=counts_dtype)
        n_nonfinite = self.n_nonfinite
        self._counter.restart()
        for _ in self.push(RasterChunk(stamp_ns, silence)):
            pass
        self.n_nonfinite = n_nonfinite
        self._counter.restart()
        self._window.reset()

    def rehearse(self) -> None:
        """Run the next step on what is there already, for its effect on the caches alone.

        A step that finds code and weights evicted takes ten times as long as one that does not.
        No result changes: the next hop rewrites all that this writes.
        """
        self._window.sum_up()
        self._encoder.encode()
        self._readout.decode(self._encoder.latent, self._velocity)

    def push(self, chunk: RasterChunk) -> Iterator[Decoded]:
        """Take a chunk; yield what is decoded at each hop that it closes."""
        for end_ns in self._counter.push(chunk):
            yield self._decode_hop(end_ns)

    def _decode_hop(self, end_ns: int) -> Decoded:
        closed_ns = self._now_ns()
        ready = self._window.push(end_ns, self._counter.counts)
        latent = self._encoder.latent
        if ready:
            self._encoder.encode()
        else:
            latent[:] = np.nan
        embedded_ns = self._now_ns()
        if ready:
            self.n_nonfinite += not self._readout.decode(latent, self._velocity)
        else:
            self._velocity[:] = 0
        return Decoded(
            end_ns, ready, latent, self._velocity, closed_ns, embedded_ns, self._now_ns()
        )
