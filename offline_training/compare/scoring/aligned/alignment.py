"""Align one recording's latents to another's by their condition averages."""

import numpy as np

from offline_training.compare.evaluation_split import EvaluationSplit, directions_of_trials
from offline_training.dataset.similarity import Similarity, fit_procrustes
from rt_ner.core.arrays import AnyArray, FloatArray


def align(
    source: tuple[EvaluationSplit, AnyArray], target: tuple[EvaluationSplit, AnyArray]
) -> Similarity:
    """Fit an orthogonal Procrustes alignment of one recording's latents to another's.

    The points are averages over the training trials of one direction at one step since the go
    cue, for all directions and steps that both recordings have.

    Parameters
    ----------
    source, target
        A recording and its training latents ``(hop, dims)``.

    Returns
    -------
    Similarity
        The map from source to target latents.
    """
    ours, theirs = _condition_averages(*source), _condition_averages(*target)
    directions = common_directions(source[0], target[0])
    n_steps = min(source[0].n_steps, target[0].n_steps)
    points = [
        np.concatenate([averages[direction][:n_steps] for direction in directions])
        for averages in (ours, theirs)
    ]
    both = np.isfinite(points[0]).all(axis=1) & np.isfinite(points[1]).all(axis=1)
    return fit_procrustes(points[0][both], points[1][both])


def common_directions(one: EvaluationSplit, other: EvaluationSplit) -> list[float]:
    """Return the reach directions, in degrees, of training trials in both recordings."""
    first, second = (set(_directions(recording).tolist()) for recording in (one, other))
    return sorted(first & second)


def _directions(recording: EvaluationSplit) -> FloatArray:
    return directions_of_trials(recording.split.train.labels)


def _condition_averages(recording: EvaluationSplit, latents: AnyArray) -> dict[float, FloatArray]:
    """Average ``(step, dims)`` over training trials per direction; NaN where there is none."""
    in_steps = recording.in_steps(latents, recording.split.train.labels)
    direction = _directions(recording)
    return {
        float(each): mean_of_known(in_steps[direction == each]) for each in np.unique(direction)
    }


def mean_of_known(in_steps: FloatArray) -> FloatArray:
    """Average ``(trial, step, dims)`` over the trials that have a step, ``(step, dims)``."""
    known = np.isfinite(in_steps)
    trials = known.sum(axis=0)
    average: FloatArray = np.where(known, in_steps, 0.0).sum(axis=0)
    average /= np.where(trials, trials, np.nan)
    return average
