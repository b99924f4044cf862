"""Classify the reach direction from a method's values."""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from offline_training.compare.evaluation_split import EvaluationSplit, directions_of_trials
from rt_ner.core.arrays import BoolArray, Float32Array, FloatArray, Int64Array

_MAX_ITERATIONS = 1000
_SMALLEST = 1e-300


@dataclass(frozen=True, eq=False)
class DirectionScore:
    """Classification of the direction of held-out trials.

    Attributes
    ----------
    accuracy
        Part of the trials classified correctly, from the whole trial; None if none could be.
    right, trials
        ``(step,)``, trials classified correctly from this step alone, and all trials with it.
    chance
        One over the number of directions.
    """

    accuracy: float | None
    right: Int64Array
    trials: Int64Array
    chance: float


def score_direction(
    recording: EvaluationSplit, train: Float32Array, test: Float32Array
) -> DirectionScore:
    """Classify the direction of held-out trials.

    The values of a trial are averaged within steps of one bin since the go cue. At each step, a
    multinomial logistic regression (L2, C = 1, values standardised by the training trials) is
    fitted to the training trials. Its log-probabilities, summed over all steps of a held-out trial,
    give the direction. Steps are those that half of the training trials reach and at which every
    direction has a training trial. A direction that no training trial has counts as wrong.
    ``train`` and ``test`` are values ``(hop, dims)``.
    """
    split = recording.split
    known, true = (directions_of_trials(part.labels) for part in (split.train, split.test))
    directions = np.unique(known)
    train_steps = recording.in_steps(train, split.train.labels)
    test_steps = recording.in_steps(test, split.test.labels)
    log_p = np.full((*test_steps.shape[:2], directions.size), np.nan)
    for step in range(recording.n_steps):
        log_p[:, step] = _log_probabilities(train_steps[:, step], known, test_steps[:, step])
    known_at: BoolArray = np.isfinite(log_p[:, :, 0])
    right = known_at & (directions[np.argmax(log_p, axis=2)] == true[:, None])
    whole = directions[np.argmax(np.nansum(log_p, axis=1), axis=1)]
    classified = known_at.any(axis=1)
    accuracy = float(np.mean((whole == true)[classified])) if classified.any() else None
    return DirectionScore(accuracy, right.sum(axis=0), known_at.sum(axis=0), 1 / directions.size)


def _log_probabilities(
    train: FloatArray, train_direction: FloatArray, test: FloatArray
) -> FloatArray:
    """Return log-probabilities ``(trial, direction)`` at one step; NaN where not classified."""
    directions = np.unique(train_direction)
    log_p = np.full((len(test), directions.size), np.nan)
    is_known, is_asked = np.isfinite(train).all(axis=1), np.isfinite(test).all(axis=1)
    at_this_step = np.unique(train_direction[is_known])
    if at_this_step.size < max(directions.size, 2) or not is_asked.any():
        return log_p
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=_MAX_ITERATIONS))
    classifier.fit(train[is_known], train_direction[is_known])
    probability = classifier.predict_proba(test[is_asked])
    log_p[is_asked] = np.log(np.maximum(probability, _SMALLEST))
    return log_p
