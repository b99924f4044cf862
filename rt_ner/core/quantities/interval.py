"""Say how certain a mean is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rt_ner.core.arrays import FloatArray

_N_RESAMPLES, _SEED = 10_000, 0


@dataclass(frozen=True)
class Mean:
    """A mean and its 95 % interval, by resampling the values; None if there is only one.

    A format such as ``.2f`` applies to each number: ``0.75 (0.67 to 0.81)``.
    """

    mean: float
    interval95: tuple[float, float] | None

    def __format__(self, form: str) -> str:
        text = format(self.mean, form)
        if self.interval95 is not None:
            low, high = self.interval95
            text += f" ({low:{form}} to {high:{form}})"
        return text.replace("-", "−")


def mean_of(values: FloatArray | Sequence[float]) -> Mean:
    """Return the mean of values ``(value,)`` with its interval; the same for the same values."""
    known = np.asarray(values, dtype=np.float64)
    if known.size == 1:
        return Mean(float(known[0]), None)
    rng = np.random.default_rng(_SEED)
    means = rng.choice(known, (_N_RESAMPLES, known.size)).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5]).tolist()
    return Mean(float(known.mean()), (low, high))
