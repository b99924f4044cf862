"""Decode velocity from latents: small, linear, fitted in closed form and swappable by itself.

A steady-state Kalman filter is a readout with a memory: the new velocity is a fixed mixture of the
previous one and of what the latents predict (Malik et al. 2011), at the same cost.
"""

import numpy as np

from rt_ner.core.arrays import Float32Array, FloatArray
from rt_ner.core.compiled.njit import njit


class Readout:
    """A linear map: velocity = latent · ``matrix`` + ``bias`` + previous velocity · ``memory``.

    Parameters
    ----------
    matrix
        Velocity per latent unit, ``(latent, 2)``.
    bias
        Velocity at latent zero, ``(2,)``.
    unit
        Unit of velocity.
    memory
        Part of the previous velocity that is kept, ``(2, 2)``; None for a linear readout, which
        keeps nothing.

    """

    def __init__(
        self,
        matrix: FloatArray,
        bias: FloatArray,
        unit: str = "cm/s",
        memory: FloatArray | None = None,
    ) -> None:
        self.matrix = np.ascontiguousarray(matrix, dtype=np.float64)
        self.bias = np.ascontiguousarray(bias, dtype=np.float64)
        self.unit = unit
        kept = np.zeros((2, 2)) if memory is None else memory
        self.memory = np.ascontiguousarray(kept, dtype=np.float64)

    def __repr__(self) -> str:
        kind = "Kalman" if self.memory.any() else "linear"
        return f"<Readout: {kind}, {len(self.matrix)} latents to {self.unit}>"

    def decode(self, latent: Float32Array, velocity: Float32Array) -> bool:
        """Decode the velocity of one hop; return False if it was not finite.

        Parameters
        ----------
        latent
            Latent of the hop, ``(latent,)``.
        velocity
            Velocity of the previous hop, ``(2,)``, zero at the start. It is overwritten with that
            of this hop, or with zero where that is not finite.

        Returns
        -------
        bool
            True if the new velocity is finite.

        """
        return bool(_decode(latent, self.matrix, self.bias, self.memory, velocity))


def fit_readout(latents: Float32Array, velocity: FloatArray) -> Readout:
    """Fit a readout by least squares.

    Ridge regression with a penalty of 1e-6 of the latents' variance, which only keeps the normal
    equations solvable where a latent is constant. The bias is not penalised.

    Parameters
    ----------
    latents
        Latents, ``(time, latent)``.
    velocity
        Velocity at the same times, ``(time, 2)``, in cm/s.

    Returns
    -------
    Readout
        The linear readout, without memory.

    """
    latent_mean, velocity_mean = latents.mean(axis=0, dtype=np.float64), velocity.mean(axis=0)
    centred = latents - latent_mean
    gram = centred.T @ centred
    gram += np.eye(len(gram)) * max(1e-6 * np.trace(gram) / len(gram), 1e-12)
    matrix = np.linalg.solve(gram, centred.T @ (velocity - velocity_mean))
    return Readout(matrix, velocity_mean - latent_mean @ matrix)


@njit(cache=True)
def _decode(
    latent: Float32Array,
    matrix: FloatArray,
    bias: FloatArray,
    memory: FloatArray,
    velocity: Float32Array,
) -> bool:
    """Decode in one fixed order, in float64, so that the same latent always gives the same bits."""
    finite = True
    before_x, before_y = velocity
    for axis in range(velocity.size):
        total = bias[axis] + (before_x * memory[0, axis] + before_y * memory[1, axis])
        for dimension in range(latent.size):
            total += latent[dimension] * matrix[dimension, axis]
        velocity[axis] = total
        finite = finite and np.isfinite(velocity[axis])
    if not finite:
        velocity[:] = 0
    return finite
