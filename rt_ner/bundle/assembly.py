"""Assemble a bundle from a model, with golden windows that verify it."""

import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from rt_ner.bundle.bundle import Bundle, Golden
from rt_ner.bundle.manifest import Manifest, ReadoutEntry, Scores, TrainingEntry
from rt_ner.bundle.verification import run_windows
from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.decoding.decoder import DecoderSpecification

_N_GOLDEN = 16
_PACKAGES = ("rt-ner", "torch", "numpy", "numba", "onnx", "onnxruntime")


def assemble_bundle(
    model: DecoderSpecification, windows: AnyArray, training: TrainingEntry, scores: Scores
) -> Bundle:
    """Return the bundle of a model, with some of the ``windows`` and their results to verify it."""
    readout = model.readout
    manifest = Manifest(
        format_version=1,
        channel_ids=model.channel_ids,
        window=model.window,
        latent_dim=len(readout.matrix),
        readout=ReadoutEntry(
            matrix=tuple((float(x), float(y)) for x, y in readout.matrix),
            bias=(float(readout.bias[0]), float(readout.bias[1])),
            unit="cm/s",
            memory=_memory_entry(readout.memory),
        ),
        training=training,
        scores=scores,
        versions=_versions(),
    )
    return Bundle(manifest, model.encoder_onnx, _golden(model, windows), model.weights)


def _versions() -> dict[str, str]:
    """Return the version of Python and of each package that is installed; a rig has no torch."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    return versions


def _memory_entry(
    memory: FloatArray,
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Return the readout's memory as the manifest holds it; None if it has none."""
    if not memory.any():
        return None
    (a, b), (c, d) = memory.tolist()
    return (a, b), (c, d)


def _golden(model: DecoderSpecification, windows: AnyArray) -> Golden:
    """Return some windows with the latents and velocities that they give."""
    rows = np.linspace(0, len(windows) - 1, min(_N_GOLDEN, len(windows))).astype(int)
    some = np.ascontiguousarray(windows[rows], dtype=np.float32)
    latents, velocities = run_windows(model, some)
    return Golden(windows=some, latents=latents, velocities=velocities)
