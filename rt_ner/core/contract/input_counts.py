"""Name the counts that account for all input, so that nothing is lost silently.

Kernels add to a vector of these counts, ``(len(InputCounts),)``. Everything that arrived is counted
as exactly one of used, late, duplicate, invalid, unknown or skipped.
"""

from enum import IntEnum

import numpy as np

from rt_ner.core.arrays import Int64Array


class InputCounts(IntEnum):
    """Slots of the vector of input counts.

    Attributes
    ----------
    USED
        Samples or events counted into a hop.
    LATE
        Those that came after their hop had closed; dropped.
    DUPLICATE
        Those that had come before; dropped.
    INVALID
        Those that are NaN, negative or without a time; dropped.
    UNKNOWN
        Events of a channel that is not in the bundle, or of a unit that is not selected.
    SKIPPED
        Those thrown away unread, because the decoder had fallen behind.
    REORDERED
        Those that came out of order but in time; also counted as USED.
    MISSING
        Samples absent when they were due, as the stamps of a regular stream show; those that
        come too late stay among them.
    CLOCK_STEPS
        Jumps of a clock.

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
    """Return a vector of input counts, all zero."""
    return np.zeros(len(InputCounts), dtype=np.int64)
