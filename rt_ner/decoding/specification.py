"""Define everything that a decoder is built from."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from rt_ner.core.arrays import Float32Array
from rt_ner.decoding.binning.voltage.settings import CROSSINGS, VoltageSettings
from rt_ner.decoding.encoding.normalisation import (
    ChannelScale,
    Normalisation,
    RunningNormaliser,
)
from rt_ner.decoding.encoding.weights import EncoderWeights
from rt_ner.decoding.readouts.classifier import Classifier
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.decoding.watch.expectation import Expectation
from rt_ner.decoding.windows import WindowShape

# A double holds whole numbers of up to 53 bits.
_FINGERPRINT_BYTES = 6


@dataclass(frozen=True, eq=False)
class DecoderSpecification:
    """Everything that a decoder is built from, as a bundle holds it.

    Attributes
    ----------
    channel_ids
        Names of the channels, in the encoder's order.
    window
        Hop, bin and number of bins of the encoder's window.
    encoder_onnx
        The encoder's ONNX graph, serialised.
    readout
        The readout from latents to outputs.
    weights
        The graph's network as plain arrays, which run faster; None if the bundle has none.
    voltage
        The way in which the channels' values are made, if they are made of broadband voltage.
    classifier
        The readout from the same latents to classes; None if there is none.
    areas
        The brain areas of the channels, in their order; empty if not known.
    neutral_counts
        Counts of a hop that stand for channels not measured, ``(channel,)``; None if not known.
    normalisation
        The running normalisation of channels; None without one.
    expectation
        The firing that is expected of each channel; None if not known.

    """

    channel_ids: tuple[str, ...]
    window: WindowShape
    encoder_onnx: bytes
    readout: Readout
    weights: EncoderWeights | None = None
    voltage: VoltageSettings = CROSSINGS
    classifier: Classifier | None = None
    areas: tuple[str, ...] = ()
    neutral_counts: Float32Array | None = None
    normalisation: Normalisation | None = None
    expectation: Expectation | None = None

    def __repr__(self) -> str:
        n_channels, n_latents = len(self.channel_ids), len(self.readout.matrix)
        return f"<DecoderSpecification: {n_channels} channels, {n_latents} latents>"

    @cached_property
    def fingerprint(self) -> int:
        """Number that tells encoder and readout from others, on every computer; exact as a float.

        The timing stream sends it with each hop, so that a recording tells what decoded it.
        """
        content, readout = sha256(self.encoder_onnx), self.readout
        for array in (readout.matrix, readout.bias, readout.memory):
            content.update(array.astype("<f8").tobytes())
        return int.from_bytes(content.digest()[:_FINGERPRINT_BYTES])

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; empty without a classifier."""
        return self.classifier.classes if self.classifier else ()

    @property
    def start_scale(self) -> ChannelScale | None:
        """Scale of root counts that a decoder begins with; None without a running normalisation."""
        return RunningNormaliser(self.normalisation).scale if self.normalisation else None
