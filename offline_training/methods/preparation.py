"""Prepare counts for every method as the encoder does, with the same constants."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rt_ner.core.arrays import Float32Array
from rt_ner.decoding.encoding.normalisation import SD_FLOOR


@dataclass(frozen=True, eq=False)
class Standardiser:
    """A square root, which evens out Poisson variance, and a standardisation per channel.

    ``mean`` and ``sd`` ``(channel,)`` are those of the square roots of the newest bin's counts.
    """

    mean: Float32Array
    sd: Float32Array

    def __call__(self, windows: npt.NDArray[Any]) -> Float32Array:
        """Return counts ``(hop, bin, channel)`` as standardised square roots."""
        root = np.sqrt(windows, dtype=np.float32, order="C")
        standardised: Float32Array = (root - self.mean) / self.sd
        return standardised

    def flat(self, windows: npt.NDArray[Any]) -> Float32Array:
        """Return counts ``(hop, bin, channel)`` as features ``(hop, bin · channel)``."""
        return self(windows).reshape(len(windows), -1)


def fit_standardiser(windows: npt.NDArray[Any]) -> Standardiser:
    """Fit the standardiser to the newest bin, as the encoder does."""
    root = np.sqrt(windows[:, -1].astype(np.float64))
    return Standardiser(
        root.mean(axis=0).astype(np.float32), (root.std(axis=0) + SD_FLOOR).astype(np.float32)
    )
