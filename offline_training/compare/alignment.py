"""Alignment: one recording's latents turned onto another's by their condition averages."""

from dataclasses import dataclass

import numpy as np

from offline_training.compare.recording import Recording, directions_of_trials
from rt_ner.arrays import AnyArray, FloatArray


@dataclass(frozen=True, eq=False)
class Similarity:
    """x ↦ ``scale`` · (x − ``source_mean``) · ``rotation`` + ``target_mean``, rows in time."""

    source_mean: FloatArray
    target_mean: FloatArray
    rotation: FloatArray
    scale: float

    def __call__(self, values: AnyArray) -> FloatArray:
        """Values ``(…, dims)`` in the target's space."""
        moved: FloatArray = self.scale * (values - self.source_mean) @ self.rotation
        return moved + self.target_mean


def fit_procrustes(source: FloatArray, target: FloatArray) -> Similarity:
    """The similarity that takes points ``(point, dims)`` nearest to others, in least squares.

    Rotation or reflection after Schönemann 1966, with the scale and offset of Schönemann &
    Carroll 1970. Points that all coincide are moved to the target's mean.
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    centred = source - source_mean
    left, stretch, right = np.linalg.svd(centred.T @ (target - target_mean))
    size = np.square(centred).sum()
    scale = float(stretch.sum() / size) if size > 0 else 0.0
    return Similarity(source_mean, target_mean, left @ right, scale)


def align(source: tuple[Recording, AnyArray], target: tuple[Recording, AnyArray]) -> Similarity:
    """Turn one recording's latents onto another's; each with its training latents ``(hop, dims)``.

    The points are averages over the training trials of one direction at one step since the go
    cue, for all directions and steps that both recordings have.
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


def common_directions(one: Recording, other: Recording) -> list[float]:
    """Directions, in degrees, that training trials of both have."""
    first, second = (set(_directions(recording).tolist()) for recording in (one, other))
    return sorted(first & second)


def _directions(recording: Recording) -> FloatArray:
    return directions_of_trials(recording.split.train.labels)


def _condition_averages(recording: Recording, latents: AnyArray) -> dict[float, FloatArray]:
    """Direction to its average ``(step, dims)`` over training trials; NaN where no trial is."""
    in_steps = recording.in_steps(latents, recording.split.train.labels)
    direction = _directions(recording)
    return {
        float(each): mean_of_known(in_steps[direction == each]) for each in np.unique(direction)
    }


def mean_of_known(in_steps: FloatArray) -> FloatArray:
    """Average over trials ``(trial, step, dims)`` → ``(step, dims)``, of those that have a step."""
    known = np.isfinite(in_steps)
    trials = known.sum(axis=0)
    average: FloatArray = np.where(known, in_steps, 0.0).sum(axis=0)
    average /= np.where(trials, trials, np.nan)
    return average
