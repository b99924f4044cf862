"""Assemble a bundle from a model, with golden windows that verify it."""

import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from rt_ner.bundle.bundle import Bundle, Golden
from rt_ner.bundle.entries.channels.expectation_entry import expectation_entry
from rt_ner.bundle.entries.channels.normalisation_entry import normalisation_entry
from rt_ner.bundle.entries.classifier_entry import classifier_entry
from rt_ner.bundle.entries.corruption_entry import CorruptionTable
from rt_ner.bundle.entries.readout_entry import ReadoutEntry, output_entries
from rt_ner.bundle.manifest import Manifest, Scores, TrainingEntry
from rt_ner.bundle.verification import probabilities_of, run_windows
from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.core.contract.outputs import Output
from rt_ner.decoding.specification import DecoderSpecification

_N_GOLDEN = 16
_PACKAGES = ("rt-ner", "torch", "numpy", "numba", "onnx", "onnxruntime")


def assemble_bundle(
    model: DecoderSpecification,
    windows: AnyArray,
    training: TrainingEntry,
    scores: Scores,
    corruption: CorruptionTable | None = None,
) -> Bundle:
    """Return the bundle of a model, with some of the ``windows`` and their results to verify it.

    ``corruption``: its scores under faults of the input; None if they were not measured.
    """
    readout = model.readout
    manifest = Manifest(
        format_version=1,
        channel_ids=model.channel_ids,
        window=model.window,
        latent_dim=len(readout.matrix),
        readout=ReadoutEntry(
            matrix=_rows(readout.matrix),
            bias=tuple(readout.bias.tolist()),
            unit=_common_unit(readout.outputs),
            memory=_rows(readout.memory) if readout.memory.any() else None,
        ),
        outputs=output_entries(readout.outputs),
        voltage=model.voltage,
        classifier=classifier_entry(model.classifier),
        normalisation=normalisation_entry(model.normalisation),
        expectation=expectation_entry(model.expectation),
        training=training,
        scores=scores,
        corruption=corruption,
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


def _rows(matrix: FloatArray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())


def _common_unit(outputs: tuple[Output, ...]) -> str:
    units = {output.unit for output in outputs}
    return units.pop() if len(units) == 1 else ""


def _golden(model: DecoderSpecification, windows: AnyArray) -> Golden:
    """Return some windows with the latents, outputs and probabilities that they give."""
    rows = np.linspace(0, len(windows) - 1, min(_N_GOLDEN, len(windows))).astype(int)
    some = np.ascontiguousarray(windows[rows], dtype=np.float32)
    latents, outputs = run_windows(model, some)
    return Golden(
        windows=some,
        latents=latents,
        velocities=outputs,
        probabilities=probabilities_of(model, latents),
    )
