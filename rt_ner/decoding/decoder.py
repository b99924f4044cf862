"""Decode chunks of spikes: bins → window → encoder → readout, without any I/O.

The live loop and the offline evaluation run this same code on the same chunks, so that the scored
outputs are those that the rig decodes, bit for bit.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from rt_ner.core.arrays import Float32Array
from rt_ner.decoding.binning.binner import SpikeBinner
from rt_ner.decoding.chunks import Chunk, Decoded
from rt_ner.decoding.encoding.encoder import Encoder, encoder_of
from rt_ner.decoding.encoding.normalisation import Moments, RunningNormaliser
from rt_ner.decoding.readouts.classifier import Classifier
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.decoding.watch.expectation import Expectation
from rt_ner.decoding.windows import Window

_WARM_UP_HOPS = 100


class DecodingModel(NamedTuple):
    """The swappable part of a decoder: encoder, normaliser, readouts, and the firing expected.

    ``fingerprint``: that of the specification that it was built from.
    """

    encoder: Encoder
    readout: Readout
    classifier: Classifier | None
    normaliser: RunningNormaliser | None
    expectation: Expectation | None
    fingerprint: int


class Decoder:
    """A decoder of movement from chunks of spikes.

    Its model may be replaced between two pushes, by `use`.

    Parameters
    ----------
    model
        Channels, window, encoder and readout.
    binner
        The binner for the kind of chunks that `push` gets.
    now_ns
        The clock that stamps the stages, in ns. No result depends on it.

    Attributes
    ----------
    binner
        The binner, with the counts of the last hop and of the input.
    n_nonfinite
        Number of hops whose outputs were not finite, and were brought to rest.

    """

    def __init__(
        self, model: DecoderSpecification, binner: SpikeBinner[Any], now_ns: Callable[[], int]
    ) -> None:
        self._shape = model.window
        self._now_ns = now_ns
        self.binner = binner
        self._window = Window(self._shape, len(model.channel_ids))
        self._decoding_model = self._built(model)
        self._values: Float32Array = np.zeros(len(model.readout.outputs), dtype=np.float32)
        self._warmed = self._values.copy()
        self._probabilities: Float32Array = np.zeros(len(model.classes), dtype=np.float32)
        self.n_nonfinite = 0

    @property
    def model(self) -> DecodingModel:
        """The encoder and readout in use."""
        return self._decoding_model

    @property
    def n_gaps(self) -> int:
        """Number of times that the history started afresh, because hops were missing."""
        return self._window.n_gaps

    def prepared(self, model: DecoderSpecification) -> DecodingModel:
        """Return another bundle's encoder and readouts, with warm caches, ready for `use`.

        May be called from any thread while another decodes. ``model``: the other specification, of
        the same channels and window. Its encoder is bound to this decoder's window.
        """
        decoding_model = self._built(model)
        for _ in range(_WARM_UP_HOPS):
            decoding_model.encoder.warm_caches()
        return decoding_model

    def use(self, decoding_model: DecodingModel) -> None:
        """Switch to an encoder and readout that were `prepared`, between two pushes."""
        before, normaliser = self._decoding_model.normaliser, decoding_model.normaliser
        if before is not None and normaliser is not None:
            normaliser.continue_from(before)
        decoding_model.encoder.fill()
        self._decoding_model = decoding_model

    def _built(self, model: DecoderSpecification) -> DecodingModel:
        normaliser = RunningNormaliser(model.normalisation) if model.normalisation else None
        scale = normaliser.scale if normaliser else None
        encoder = encoder_of(model.encoder_onnx, model.weights, self._window, scale)
        return DecodingModel(
            encoder,
            model.readout,
            model.classifier,
            normaliser,
            model.expectation,
            model.fingerprint,
        )

    def adapt(self) -> Moments | None:
        """Let the running normalisation take in the newest hop, if the bundle has one.

        Call it after the hop's outputs have left, and only for hops that moved the cursor.

        Returns
        -------
        Moments or None
            The moments in force from now on, if the hop brought new ones.

        """
        normaliser, binner = self._decoding_model.normaliser, self.binner
        if normaliser is None or binner.invalid or binner.is_partial:
            return None
        if not normaliser.take(self._window.newest):
            return None
        self._decoding_model.encoder.fill()
        return normaliser.moments

    def reset(self, now_ns: int) -> None:
        """Forget the history, after an outage; outputs are at rest until it is full again.

        The input counts stay. ``now_ns``: time at which the input goes on.
        """
        self.binner.reset(now_ns)
        self._window.reset()
        self._decoding_model.readout.bring_to_rest(self._values)

    def warm_up(self, dtype: np.dtype[np.generic]) -> None:
        """Decode silence, so that nothing is compiled or first allocated on real data.

        Forgets the history and the source's time, so it is meant for a new connection.
        ``dtype``: type of the numbers that `push` will get.
        """
        self.binner.restart(0)  # Counts the samples of the open hop as undecodable.
        self.binner.warm_up_as(dtype)
        self._window.reset()
        n_nonfinite, values = self.n_nonfinite, self._values.copy()
        for hop in range(self._shape.n_hops + _WARM_UP_HOPS):
            self._decode_hop(hop * self._shape.hop_ns)
        self.n_nonfinite = n_nonfinite
        self._window.reset()
        self._values[:] = values
        self._decoding_model.readout.bring_to_rest(self._values)

    def warm_caches(self, nothing: Chunk | None = None) -> Float32Array:
        """Repeat the newest step, only to keep its code and data in the processor's caches.

        A step that finds code and weights evicted takes ten times as long as one that does not.
        No result changes: the same numbers are written again, and the next hop rewrites them.
        ``nothing``: a chunk without samples, to take through the binner; None: it is left out.
        Returns the step's outputs, ``(output,)``, to warm the code that sends them.
        """
        encoder, readout, classifier, *_ = self._decoding_model
        encoder.warm_caches()
        readout.decode(encoder.latent, self._warmed)
        if classifier is not None:
            classifier.classify(encoder.latent, self._probabilities)
        if nothing is not None:
            for _ in self.binner.push(nothing):
                pass
        return self._warmed

    def push(self, chunk: Chunk) -> Iterator[Decoded]:
        """Decode every hop that a chunk of the binner's kind closes.

        Yields
        ------
        Decoded
            One result per closed hop, in order. Its arrays are reused: copy them to keep them.

        """
        for end_ns in self.binner.push(chunk):
            yield self._decode_hop(end_ns)

    def catch_up(self, chunk: Chunk) -> tuple[Decoded | None, int]:
        """Decode only the newest hop that a chunk closes; the history is complete all the same.

        Returns
        -------
        tuple[Decoded | None, int]
            The newest hop, None if the chunk closed none; and the number of hops passed over.

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
        """Put the counts of a hop into the window; return True if the window is full."""
        ready = self._window.push(end_ns, self.binner.counts)
        self._decoding_model.encoder.push()
        if not ready and self._decoding_model.normaliser is not None:
            self._decoding_model.normaliser.begin_again()
        return ready

    def _decode(self, end_ns: int, closed_ns: int, ready: bool) -> Decoded:
        decodable = ready and not self.binner.invalid
        encoder, readout, classifier, *_ = self._decoding_model
        latent = encoder.latent
        if decodable:
            encoder.encode()
        else:
            latent[:] = np.nan
        embedded_ns = self._now_ns()
        if decodable:
            self.n_nonfinite += not readout.decode(latent, self._values)
        else:
            readout.bring_to_rest(self._values)
        decoded_ns, probabilities = self._now_ns(), None
        if classifier is not None:
            probabilities = self._probabilities
            classifier.classify(latent, probabilities)
        return Decoded(
            end_ns, ready, latent, self._values, closed_ns, embedded_ns, decoded_ns, probabilities
        )
