"""Read the drift that the decoder's running normalisation followed."""

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.contract.kinds import Kind
from rt_ner.report.reading.streams import Found


def read_drift(found: Found) -> tuple[Int64Array, FloatArray]:
    """Return how far the running normalisation has moved since its first state.

    Returns
    -------
    tuple
        Times in ns, and the root mean square over channels of the change of the mean square root
        of a bin's count, ``(sample,)``; empty if the bundle has no running normalisation.

    """
    info = found.first(Kind.NORMALISATION)
    if info is None:
        return np.zeros(0, np.int64), np.zeros(0)
    stamps_ns, values = found.numbers(Kind.NORMALISATION)
    of_root = [label.startswith("root/") for label in info.labels]
    root = values[:, of_root] if any(of_root) else values
    return stamps_ns, np.sqrt(((root - root[:1]) ** 2).mean(axis=1))
