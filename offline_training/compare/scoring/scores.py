"""Fit a method to a recording, and score its decoding."""

import time
from dataclasses import dataclass

import numpy as np

from offline_training.compare.evaluation_split import EvaluationSplit
from offline_training.compare.scoring.readouts import fit_named
from offline_training.compare.scoring.rows import Row
from offline_training.methods.method import FitContext, Fitted, Method
from rt_ner.core.arrays import Float32Array
from rt_ner.core.contract.outputs import kind_of
from rt_ner.core.errors import RtNerError, SessionError
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.scores import Comparison


@dataclass(frozen=True, eq=False)
class Embedding:
    """A method's values for a recording, ``(hop, dims)``: latents, or outputs.

    ``fit_s`` is the training time in seconds, without readouts. ``validation`` is None where the
    recording has no validation trials.
    """

    recording: EvaluationSplit
    method: Method
    train: Float32Array
    test: Float32Array
    fit_s: float
    validation: Float32Array | None = None

    def read_out(self, readout: str) -> tuple[Comparison, ...]:
        """Decode training, held-out and validation trials with a readout fitted to the first."""
        split, validation = self.recording.split, self.recording.validation
        parts = [(split.train, self.train), (split.test, self.test)]
        if validation is not None and self.validation is not None:
            parts.append((validation, self.validation))
        decode = fit_named(readout, self.train, split.train.labels)
        return tuple(
            Comparison(part.labels, values, decode(values), split.shape.hop_ns)
            for part, values in parts
        )


def embed(recording: EvaluationSplit, method: Method, context: FitContext) -> Embedding:
    """Fit a method to the training trials and apply it to all; errors name method and recording."""
    started_s = time.monotonic()
    try:
        fitted = method.fit(recording.split.train, context)
        fit_s = time.monotonic() - started_s
        train, test = (
            _values(fitted, part) for part in (recording.split.train, recording.split.test)
        )
        validation = _values(fitted, recording.validation) if recording.validation else None
    except RtNerError as error:
        raise type(error)(f"{method.name} on {recording.name}: {error}") from error
    return Embedding(recording, method, train, test, fit_s, validation)


def score(
    embedding: Embedding,
    readout: str,
    seed: int,
    direction_acc: float | None,
    control: Embedding | None,
) -> Row:
    """Score one readout of a method."""
    return row_of(embedding, readout, embedding.read_out(readout), seed, direction_acc, control)


def row_of(
    embedding: Embedding,
    readout: str,
    decoded: tuple[Comparison, ...],
    seed: int,
    direction_acc: float | None,
    control: Embedding | None,
) -> Row:
    """Return the scores of trials that `Embedding.read_out` has decoded."""
    train, test = decoded[:2]
    return Row(
        session=embedding.recording.session,
        area=embedding.recording.area,
        method=embedding.method.name,
        readout=readout,
        dims=embedding.test.shape[1],
        causal=embedding.recording.split.causal,
        seed=seed,
        r2=test.r2(),
        path_r2=test.path_r2(),
        direction_acc=direction_acc,
        shuffled_r2=control.read_out(readout)[1].r2() if control else None,
        fit_s=embedding.fit_s,
        train_r2=train.r2(),
        train_path_r2=train.path_r2(),
        swapped_r2=test.swapped_r2(),
        decodes=kind_of(test.labels.outputs),
    )


def _values(fitted: Fitted, dataset: Dataset) -> Float32Array:
    """Return a method's values in the live decoder's precision."""
    values = fitted(dataset).astype(np.float32)
    if not np.isfinite(values).all():
        raise SessionError("its values are not finite; choose other --methods")
    return values
