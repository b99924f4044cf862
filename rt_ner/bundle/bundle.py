"""Bundle: the one folder that a trained decoder is; written atomically, read strictly.

encoder.onnx   raw counts to latents          golden.npz   windows and what they must give
manifest.json  shapes, readout, scores, …     SHA256SUMS   of every other file
layers.npz     the graph's network as arrays, for the fast encoder; not every encoder has them
cloud.npz      training latents with their directions, for pictures
*.png, *.md    the report: of the training, and of comparisons put in later
"""

from dataclasses import dataclass

import numpy as np
from pydantic import ConfigDict

from rt_ner.bundle.manifest import Manifest, _Strict
from rt_ner.core.arrays import Float32Array
from rt_ner.decoding.decoder import DecoderSpecification
from rt_ner.decoding.encoding.weights import EncoderWeights
from rt_ner.decoding.readout import Readout


class Golden(_Strict):
    """Windows ``(case, bin, channel)``, with the latents and velocities that they must give."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    windows: Float32Array
    latents: Float32Array
    velocities: Float32Array


@dataclass(frozen=True, eq=False)
class Bundle:
    """A trained decoder, complete: as `load_bundle` gives it, checked and proven."""

    manifest: Manifest
    encoder_onnx: bytes
    golden: Golden
    weights: EncoderWeights | None = None

    @property
    def model(self) -> DecoderSpecification:
        """What the decoder needs of it."""
        entry = self.manifest.readout
        memory = None if entry.memory is None else np.array(entry.memory)
        readout = Readout(np.array(entry.matrix), np.array(entry.bias), entry.unit, memory)
        return DecoderSpecification(
            self.manifest.channel_ids,
            self.manifest.window,
            self.encoder_onnx,
            readout,
            self.weights,
        )
