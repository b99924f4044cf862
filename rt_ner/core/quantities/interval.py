"""Say how certain a mean is."""

import numpy as np

from rt_ner.core.arrays import FloatArray

_N_RESAMPLES, _SEED = 10_000, 0


def mean_interval95(values: FloatArray) -> tuple[float, float] | None:
    """Return the 95 % interval of a mean, by resampling the values; None if there is only one.

    Parameters
    ----------
    values
        Values, ``(value,)``.

    Returns
    -------
    tuple[float, float] or None
        Lower and upper bound; the same for the same values.

    """
    if values.size == 1:
        return None
    rng = np.random.default_rng(_SEED)
    means = rng.choice(values, (_N_RESAMPLES, values.size)).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5]).tolist()
    return low, high
