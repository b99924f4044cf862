"""Run windows through a model, and check that golden windows give what they gave."""

from pathlib import Path

import numpy as np

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.arrays import Float32Array
from rt_ner.core.errors import BundleError
from rt_ner.decoding.encoding.encoder import encoder_of
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.decoding.windows import Window, WindowShape

# The same machine gives the same bits; another one's matrix kernels may round differently.
_GOLDEN_TOLERANCE = 1e-4


def run_windows(
    model: DecoderSpecification, windows: Float32Array
) -> tuple[Float32Array, Float32Array]:
    """Return latents ``(case, latent)`` and outputs of windows ``(case, bin, channel)``.

    Windows run one by one, as in the decoder, each as if no other had come before it. A running
    normalisation stays as it is at the start. Outputs are ``(case, output)``.
    """
    n_bins, n_channels = windows.shape[1:]
    shape = WindowShape(hop_ns=model.window.bin_ns, bin_ns=model.window.bin_ns, history_bins=n_bins)
    window = Window(shape, n_channels)
    encoder = encoder_of(model.encoder_onnx, model.weights, window, model.start_scale)
    if encoder.latent.size != len(model.readout.matrix):
        raise BundleError(
            f"the encoder gives {encoder.latent.size} latents, the readout takes "
            f"{len(model.readout.matrix)}: the bundle is inconsistent, train it again"
        )
    latents = np.zeros((len(windows), encoder.latent.size), dtype=np.float32)
    outputs = np.zeros((len(windows), len(model.readout.outputs)), dtype=np.float32)
    for case, counts in enumerate(windows):
        for number, bin_counts in enumerate(counts):
            window.push((case * n_bins + number + 1) * shape.hop_ns, bin_counts)
            encoder.push()
        encoder.encode()
        latents[case] = encoder.latent
        model.readout.decode(encoder.latent, outputs[case])
    return latents, outputs


def probabilities_of(model: DecoderSpecification, latents: Float32Array) -> Float32Array | None:
    """Return the classes' probabilities ``(case, class)`` of latents; None without a classifier."""
    return model.classifier.classify_all(latents) if model.classifier else None


def replay_golden(bundle: Bundle, folder: Path) -> None:
    """Raise BundleError unless encoder and readouts give what they gave when exported."""
    manifest, golden = bundle.manifest, bundle.golden
    expected_shape = (manifest.window.history_bins, len(manifest.channel_ids))
    if not len(golden.windows) or golden.windows.shape[1:] != expected_shape:
        raise BundleError(
            f"{folder}: golden windows are {golden.windows.shape[1:]} (bins, channels), the "
            f"manifest says {expected_shape}: the bundle is inconsistent, train it again"
        )
    latents, outputs = run_windows(bundle.model, golden.windows)
    for name, got, expected in (
        ("latents", latents, golden.latents),
        ("outputs", outputs, golden.velocities),
        ("probabilities", probabilities_of(bundle.model, latents), golden.probabilities),
    ):
        if (worst := _difference(got, expected)) > _GOLDEN_TOLERANCE:
            raise BundleError(
                f"{folder}: the golden windows' {name} differ by {worst:.3g} from what was "
                "exported: this computer does not reproduce the bundle; train it here"
            )


def _difference(got: Float32Array | None, expected: Float32Array | None) -> float:
    """Return the largest difference, relative to large numbers; infinite if one is missing."""
    if got is None and expected is None:
        return 0.0
    if got is None or expected is None or got.shape != expected.shape:
        return np.inf
    scale = max(float(np.abs(expected).max()), 1.0)
    worst = float(np.abs(got - expected).max()) / scale
    return worst if np.isfinite(worst) else np.inf
