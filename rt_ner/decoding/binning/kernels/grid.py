"""The one global grid: the only place that says which bin a moment belongs to."""

import numpy as np
import numpy.typing as npt

from rt_ner.core.arrays import Int64Array
from rt_ner.core.compiled.njit import njit


@njit(cache=True)
def hop_of(time_ns: int, hop_ns: int) -> int:
    """Return the number of the hop, or bin, that a time belongs to."""
    return time_ns // hop_ns


@njit(cache=True)
def count_events(
    time_ns: Int64Array,
    channel: npt.NDArray[np.int32],
    start_ns: int,
    bin_ns: int,
    counts: npt.NDArray[np.uint8],
) -> None:
    """Add events to ``counts`` ``(bin, channel)``, the first bin beginning at ``start_ns``.

    Events outside the bins are left out.
    """
    for event in range(time_ns.size):
        index = hop_of(time_ns[event] - start_ns, bin_ns)
        if 0 <= index < counts.shape[0]:
            counts[index, channel[event]] += 1
