"""Measure the size of filtered voltage, sample by sample."""

import numpy as np
import numpy.typing as npt

from rt_ner.core.arrays import AnyArray
from rt_ner.core.compiled.njit import njit
from rt_ner.decoding.binning.kernels.filter import FILTERED, Front, filter_sample
from rt_ner.decoding.binning.voltage.kernels.reference import NONE, subtract_reference

# 2 mV, far beyond any spike. So limited, a millisecond of samples fits into 16 bits, and all sums
# of hops and bins are exact.
MOST = 2000


@njit(cache=True)
def measure_sizes(
    voltage: AnyArray, front: Front, seen: int, scale: float, sizes: npt.NDArray[np.int16]
) -> tuple[int, int]:
    """Filter samples from number ``seen`` on; write ``scale · |filtered|`` as whole numbers.

    Return the numbers of invalid samples, and of samples in which a size was beyond `MOST`.
    """
    band_pass, reference = front
    n_invalid = n_saturated = 0
    for sample in range(voltage.shape[0]):
        number = seen + sample
        n_invalid += not filter_sample(voltage[sample], band_pass, number)
        now = band_pass.state[FILTERED + number % 2]
        if reference.kind != NONE:
            subtract_reference(now, reference)
        saturated = False
        for channel in range(now.size):
            size = abs(now[channel]) * scale + 0.5
            if size > MOST:
                size = MOST
                saturated = True
            sizes[sample, channel] = int(size)
        n_saturated += saturated
    return n_invalid, n_saturated
