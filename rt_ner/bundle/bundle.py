"""Define the bundle: the one folder that holds a trained decoder.

encoder.onnx   raw counts to latents          golden.npz   windows and the results they must give
manifest.json  shapes, readout, scores, …     SHA256SUMS   of every other file
layers.npz     the graph's network as arrays, for the fast encoder; not every encoder has them
cloud.npz      training latents with their directions, for pictures
*.png, *.md    the report: of the training, and of comparisons added later
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from pydantic import ConfigDict

from rt_ner.bundle.entries.reaching_entry import ReachingEntry
from rt_ner.bundle.entries.strict import Strict
from rt_ner.bundle.manifest import Manifest, Scores
from rt_ner.core.arrays import Float32Array
from rt_ner.core.contract.outputs import kind_of
from rt_ner.decoding.encoding.weights import EncoderWeights
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.decoding.specification import DecoderSpecification


class Golden(Strict):
    """Windows ``(case, bin, channel)``, with the latents and outputs that they must give.

    ``velocities`` ``(case, output)`` are the outputs, whatever their kind; ``probabilities``
    ``(case, class)`` are those of the classifier, None without one.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    windows: Float32Array
    latents: Float32Array
    velocities: Float32Array
    probabilities: Float32Array | None = None

    def __repr__(self) -> str:
        return f"<Golden: {len(self.windows)} windows>"

    __str__ = __repr__


@dataclass(frozen=True, eq=False, repr=False)
class Bundle:
    """A trained decoder, with everything needed to verify it.

    `offline_training.train` makes one, and `load_bundle` reads one from its folder.

    Attributes
    ----------
    manifest : Manifest
        Channels, window, readout, training, scores and versions.
    encoder_onnx : bytes
        The encoder as an ONNX graph, from raw counts to latents.
    golden : Golden
        Some windows, with the latents and outputs that they must give on every computer.
    weights : EncoderWeights or None
        The same encoder as arrays, which run faster; not every encoder has them.
    pages : mapping of str to bytes
        Further files by name: the report's pictures, and training latents for the view.

    """

    manifest: Manifest
    encoder_onnx: bytes
    golden: Golden
    weights: EncoderWeights | None = None
    pages: Mapping[str, bytes] = field(default_factory=dict)

    def __repr__(self) -> str:
        manifest, scores = self.manifest, self.scores
        return (
            f"<Bundle {manifest.training.session} {manifest.training.area}: "
            f"{len(manifest.channel_ids)} channels, {manifest.latent_dim} latents, "
            f"{kind_of(manifest.decoded_outputs)} R² {scores.r2:.2f} "
            f"(shuffled {scores.shuffled_r2:.2f})>"
        )

    @property
    def scores(self) -> Scores:
        """Scores on the held-out trials of the training session, with a shuffled control."""
        return self.manifest.scores

    @property
    def model(self) -> DecoderSpecification:
        """The part that a decoder runs: channels, window, encoder and readouts."""
        entry, classifier = self.manifest.readout, self.manifest.classifier
        normalisation, expectation = self.manifest.normalisation, self.manifest.expectation
        memory = None if entry.memory is None else np.array(entry.memory)
        readout = Readout(
            np.array(entry.matrix), np.array(entry.bias), self.manifest.decoded_outputs, memory
        )
        return DecoderSpecification(
            self.manifest.channel_ids,
            self.manifest.window,
            self.encoder_onnx,
            readout,
            self.weights,
            self.manifest.voltage,
            classifier.classifier() if classifier else None,
            tuple(self.manifest.training.area.split(",")),
            self._neutral_counts(),
            normalisation.normalisation() if normalisation else None,
            expectation.expectation(self.manifest.corruption) if expectation else None,
        )

    def with_reaching(self, reaching: ReachingEntry | None) -> "Bundle":
        """Return the same bundle with a model of how the subject reaches; None: without one."""
        return replace(self, manifest=self.manifest.model_copy(update={"reaching": reaching}))

    def _neutral_counts(self) -> Float32Array:
        """Return the counts of a hop, ``(channel,)``, that tell the encoder the least.

        The encoder sees square roots of counts in a bin, less their training mean. So the square
        of the mean root counts as nothing unusual; zeros would look like an array gone silent. The
        golden windows are a sample of the session, and are in every bundle.
        """
        mean_root = np.sqrt(self.golden.windows.astype(np.float64)).mean(axis=(0, 1))
        neutral = mean_root**2 / self.manifest.window.hops_per_bin
        return np.asarray(neutral, dtype=np.float32)

    def save(self, folder: str | Path, overwrite: bool = False) -> None:
        """Write the bundle to a folder: all of it, or nothing if writing fails.

        Parameters
        ----------
        folder : str or Path
            The folder to create, such as ``"m1-bundle"``.
        overwrite : bool
            Replace the bundle that the folder holds. Nothing but a bundle is ever replaced.

        Raises
        ------
        BundleError
            If the folder exists, unless it holds a bundle and ``overwrite`` is set.

        """
        # Storage reads bundles, so it imports this module.
        from rt_ner.bundle.storage import save_bundle  # noqa: PLC0415

        save_bundle(self, Path(folder), dict(self.pages), overwrite)
