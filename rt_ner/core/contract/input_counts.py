"""InputCounts: what became of every sample or event that arrived. Nothing is lost silently.

Kernels add to a vector of these counts, ``(len(InputCounts),)``; everything that arrived is exactly one
of used, late, duplicate, invalid, unknown or skipped.
"""

from enum import IntEnum

import numpy as np

from rt_ner.core.arrays import Int64Array


class InputCounts(IntEnum):
    """What is counted; each is a slot of the vector.

    USED: counted into a hop. LATE: came after its hop had closed, dropped. DUPLICATE: had come
    before, dropped. INVALID: NaN, negative or without a time, dropped. UNKNOWN: an event of a
    channel that no bundle's channel stands for, or of a unit not selected. SKIPPED: thrown away
    unseen, because the decoder had fallen behind. REORDERED: came out of order, yet in time, and
    is used. MISSING: was not there in time, as the stamps of a regular stream show; what came late
    is among it. CLOCK_STEPS: jumps of a clock.
    """

    USED = 0
    LATE = 1
    DUPLICATE = 2
    INVALID = 3
    UNKNOWN = 4
    SKIPPED = 5
    REORDERED = 6
    MISSING = 7
    CLOCK_STEPS = 8


def empty_input_counts() -> Int64Array:
    """A vector of counts, all zero."""
    return np.zeros(len(InputCounts), dtype=np.int64)
