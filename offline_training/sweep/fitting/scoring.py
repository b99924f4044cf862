"""Fit a method to a stored session, and score it on validation and held-out trials."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from offline_training.compare.evaluation_split import EvaluationSplit, recording_of
from offline_training.compare.scoring.direction import score_direction
from offline_training.compare.scoring.readouts import readouts_of
from offline_training.compare.scoring.scores import Embedding, embed, row_of
from offline_training.methods.method import FitContext, Method
from offline_training.settings import TrainSettings
from offline_training.sweep.plan.fits import Fit, method_of
from rt_ner.core.errors import SessionError
from rt_ner.data.loading import load_session
from rt_ner.offline.held_out.split import split_dataset
from rt_ner.offline.scores import Comparison

# Of a row of a comparison, what the fit itself says, and its time.
_KNOWN = ("session", "area", "method", "seed", "fit_s")
Scored = list[dict[str, Any]]


def score_fit(fit: Fit, session_file: Path) -> Scored:
    """Return the scores of a fit, one mapping per readout.

    The last trials are held out. The last of the training trials are set aside for validation: no
    method learns from them, and settings are chosen by them.
    """
    method = method_of(fit)
    recording = _recording(fit, session_file, method.settings or TrainSettings())
    embedding = _embed(recording, method, fit.seed)
    control = _embed(recording.shuffled(fit.seed), method, fit.seed) if fit.control else None
    accuracy = None
    if recording.has_directions:
        accuracy = score_direction(recording, embedding.train, embedding.test).accuracy
    return [
        _scores(embedding, readout, fit.seed, accuracy, control) for readout in readouts_of(method)
    ]


def _recording(fit: Fit, session_file: Path, settings: TrainSettings) -> EvaluationSplit:
    """Return the recording of a fit, with its last training trials set aside."""
    session = load_session(session_file)
    recording = recording_of(session, outputs=fit.outputs, settings=settings)
    split = recording.split
    n_learned = round((1 - fit.validation) * split.n_train)
    if not 2 <= n_learned < split.n_train:
        raise SessionError(
            f"session '{fit.session}' has {split.n_train} training trials: too few to set a "
            f"fraction of {fit.validation:g} aside for validation and to learn from 2 or more"
        )
    inner = split_dataset(session, split.train, split.shape, n_learned)
    learned = replace(split, train=inner.train, n_train=n_learned)
    return replace(recording, split=learned, validation=inner.test, origin=None)


def _embed(recording: EvaluationSplit, method: Method, seed: int) -> Embedding:
    context = FitContext(
        seed, torch.device("cpu"), recording.split.shape.bin_ns, progress=lambda _: None
    )
    return embed(recording, method, context)


def _scores(
    embedding: Embedding,
    readout: str,
    seed: int,
    accuracy: float | None,
    control: Embedding | None,
) -> dict[str, Any]:
    decoded = embedding.read_out(readout)
    row = asdict(row_of(embedding, readout, decoded, seed, accuracy, control))
    return {
        **{name: value for name, value in row.items() if name not in _KNOWN},
        "validation_r2": decoded[2].r2(),
        "trials": _by_trial(decoded[1]),
    }


def _by_trial(held_out: Comparison) -> Mapping[str, Any]:
    """Return sums over each held-out trial, from which the R² of any choice of trials follows."""
    true = held_out.labels.values
    _, first = np.unique(held_out.labels.trial, return_index=True)
    residual = (true - held_out.decoded) ** 2
    sums = {"sum": true, "squares": true**2, "residual": residual}
    hops = np.diff(np.append(first, len(true)))
    by_trial = {name: np.add.reduceat(each, first).tolist() for name, each in sums.items()}
    return {"hops": hops.tolist(), **by_trial}
