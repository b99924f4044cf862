"""Bring latents that differ by a similarity to one space, by Procrustes analysis."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import orthogonal_procrustes

from rt_ner.core.arrays import AnyArray, FloatArray

_ROUNDS = 4


@dataclass(frozen=True, eq=False)
class Similarity:
    """A map of rows x to ``scale`` · (x − ``source_mean``) · ``rotation`` + ``target_mean``."""

    source_mean: FloatArray
    target_mean: FloatArray
    rotation: FloatArray
    scale: float

    @property
    def matrix(self) -> FloatArray:
        """Linear part ``(dims, dims)``: x maps to x · matrix + ``offset``."""
        return self.scale * self.rotation

    @property
    def offset(self) -> FloatArray:
        """Constant part ``(dims,)``."""
        offset: FloatArray = self.target_mean - self.source_mean @ self.matrix
        return offset

    def __call__(self, values: AnyArray) -> FloatArray:
        """Map values ``(…, dims)`` to the target's space."""
        moved: FloatArray = self.scale * (values - self.source_mean) @ self.rotation
        return moved + self.target_mean


def fit_procrustes(source: FloatArray, target: FloatArray) -> Similarity:
    """Fit the similarity that takes points ``(point, dims)`` nearest to others in least squares.

    It consists of a rotation or reflection (Schönemann 1966), and of the scale and offset of
    Schönemann & Carroll 1970. Points that all coincide are moved to the target's mean.
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    centred = source - source_mean
    rotation, stretch = orthogonal_procrustes(centred, target - target_mean)
    size = np.square(centred).sum()
    scale = float(stretch / size) if size > 0 else 0.0
    return Similarity(source_mean, target_mean, rotation, scale)


def common_space(clouds: Sequence[AnyArray]) -> list[Similarity]:
    """Fit the similarities that take several clouds ``(point, dims)`` of points to one space.

    Generalised Procrustes analysis (Gower 1975): all clouds are turned onto their mean, round by
    round, beginning with the first one. The mean is kept at unit standard deviation.
    """
    mean = _unit_sd(clouds[0])
    for _ in range(_ROUNDS):
        similarities = [fit_procrustes(cloud, mean) for cloud in clouds]
        turned = [turn(cloud) for turn, cloud in zip(similarities, clouds, strict=True)]
        mean = _unit_sd(np.mean(turned, axis=0))
    return [fit_procrustes(cloud, mean) for cloud in clouds]


def _unit_sd(cloud: AnyArray) -> FloatArray:
    """Return the cloud scaled to unit standard deviation."""
    scaled: FloatArray = cloud / max(float(np.std(cloud)), 1e-12)
    return scaled
