"""Procrustes: latents that differ by a similarity, brought to one space."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rt_ner.core.arrays import AnyArray, FloatArray

_ROUNDS = 4


@dataclass(frozen=True, eq=False)
class Similarity:
    """x ↦ ``scale`` · (x − ``source_mean``) · ``rotation`` + ``target_mean``, rows in time."""

    source_mean: FloatArray
    target_mean: FloatArray
    rotation: FloatArray
    scale: float

    @property
    def matrix(self) -> FloatArray:
        """The linear part ``(dims, dims)``: x ↦ x · matrix + ``offset``."""
        return self.scale * self.rotation

    @property
    def offset(self) -> FloatArray:
        """The constant part ``(dims,)``."""
        offset: FloatArray = self.target_mean - self.source_mean @ self.matrix
        return offset

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


def common_space(clouds: Sequence[AnyArray]) -> list[Similarity]:
    """What takes each of several clouds ``(point, dims)`` of the same points to one space.

    Generalised Procrustes analysis (Gower 1975): all are turned onto their mean, round by round,
    beginning with the first one. The mean is kept at unit standard deviation.
    """
    mean = _unit_sd(clouds[0])
    for _ in range(_ROUNDS):
        similarities = [fit_procrustes(cloud, mean) for cloud in clouds]
        turned = [turn(cloud) for turn, cloud in zip(similarities, clouds, strict=True)]
        mean = _unit_sd(np.mean(turned, axis=0))
    return [fit_procrustes(cloud, mean) for cloud in clouds]


def _unit_sd(cloud: AnyArray) -> FloatArray:
    scaled: FloatArray = cloud / max(float(np.std(cloud)), 1e-12)
    return scaled
