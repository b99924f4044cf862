"""Decode outputs from latents: small, linear, fitted in closed form and swappable by itself.

A steady-state Kalman filter is a readout with a memory: the new output is a fixed mixture of the
previous one and of what the latents predict (Malik et al. 2011), at the same cost.
"""

import numpy as np

from rt_ner.core.arrays import AnyArray, Float32Array, FloatArray
from rt_ner.core.compiled.njit import njit
from rt_ner.core.contract.outputs import VELOCITY_XY, Output


class Readout:
    """A linear map: outputs = latent · ``matrix`` + ``bias`` + previous outputs · ``memory``.

    Parameters
    ----------
    matrix
        Outputs per latent unit, ``(latent, output)``.
    bias
        Outputs at latent zero, ``(output,)``.
    outputs
        Name, unit and kind of each output.
    memory
        Part of the previous outputs that is kept, ``(output, output)``; None for a linear readout,
        which keeps nothing.

    """

    def __init__(
        self,
        matrix: FloatArray,
        bias: FloatArray,
        outputs: tuple[Output, ...] = VELOCITY_XY,
        memory: FloatArray | None = None,
    ) -> None:
        self.matrix = np.ascontiguousarray(matrix, dtype=np.float64)
        self.bias = np.ascontiguousarray(bias, dtype=np.float64)
        self.outputs = outputs
        kept = np.zeros((len(outputs), len(outputs))) if memory is None else memory
        self.memory = np.ascontiguousarray(kept, dtype=np.float64)
        self._before: Float32Array = np.zeros(len(outputs), dtype=np.float32)
        self._is_rate = np.array([output.is_rate for output in outputs])

    def __repr__(self) -> str:
        kind = "Kalman" if self.memory.any() else "linear"
        names = ", ".join(f"{output.name} ({output.unit})" for output in self.outputs)
        return f"<Readout: {kind}, {len(self.matrix)} latents to {names}>"

    def decode(self, latent: Float32Array, values: Float32Array) -> bool:
        """Decode the outputs of one hop; return False if they were not finite.

        Parameters
        ----------
        latent
            Latent of the hop, ``(latent,)``.
        values
            Outputs of the previous hop, ``(output,)``, zero at the start. They are overwritten
            with those of this hop; if any is not finite, they are brought to rest.

        Returns
        -------
        bool
            True if the new outputs are finite.

        """
        self._before[:] = values
        finite = bool(_decode(latent, self.matrix, self.bias, self.memory, self._before, values))
        if not finite:
            values[:] = self._before
            self.bring_to_rest(values)
        return finite

    def mapped(self, latents: AnyArray) -> FloatArray:
        """Return the outputs ``(hop, output)`` of latents ``(hop, latent)``, without the memory."""
        outputs: FloatArray = latents @ self.matrix + self.bias
        return outputs

    def scaled(self, factor: float) -> "Readout":
        """Return a linear readout whose outputs are these times a factor."""
        return Readout(factor * self.matrix, factor * self.bias, self.outputs)

    def bring_to_rest(self, values: Float32Array) -> None:
        """Set the velocities among some outputs ``(output,)`` to zero; the others stay."""
        values[self._is_rate] = 0


def fit_readout(
    latents: Float32Array, values: FloatArray, outputs: tuple[Output, ...] = VELOCITY_XY
) -> Readout:
    """Fit a readout by least squares.

    Ridge regression with a penalty of 1e-6 of the latents' variance, which only keeps the normal
    equations solvable where a latent is constant. The bias is not penalised.

    Parameters
    ----------
    latents
        Latents, ``(time, latent)``.
    values
        Outputs at the same times, ``(time, output)``, in their units.
    outputs
        Name, unit and kind of each output.

    Returns
    -------
    Readout
        The linear readout, without memory.

    """
    latent_mean, mean = latents.mean(axis=0, dtype=np.float64), values.mean(axis=0)
    centred = latents - latent_mean
    gram = centred.T @ centred
    gram += np.eye(len(gram)) * max(1e-6 * np.trace(gram) / len(gram), 1e-12)
    matrix = np.linalg.solve(gram, centred.T @ (values - mean))
    return Readout(matrix, mean - latent_mean @ matrix, outputs)


@njit(cache=True)
def _decode(
    latent: Float32Array,
    matrix: FloatArray,
    bias: FloatArray,
    memory: FloatArray,
    before: Float32Array,
    values: Float32Array,
) -> bool:
    """Decode in one fixed order, in float64, so that the same latent always gives the same bits."""
    finite = True
    for output in range(values.size):
        kept = before[0] * memory[0, output]
        for other in range(1, values.size):
            kept += before[other] * memory[other, output]
        total = bias[output] + kept
        for dimension in range(latent.size):
            total += latent[dimension] * matrix[dimension, output]
        values[output] = total
        finite = finite and np.isfinite(values[output])
    return finite
