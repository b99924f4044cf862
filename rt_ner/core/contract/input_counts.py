"""Name the counts that account for all input, so that nothing is lost silently.

Kernels add to a vector of these counts, ``(len(InputCounts),)``. Everything that arrived is counted
as exactly one of used, late, duplicate, invalid, unknown, skipped or undecodable.
"""

from collections.abc import Mapping
from enum import IntEnum

import numpy as np

from rt_ner.core.arrays import Int64Array


class InputCounts(IntEnum):
    """Slots of the vector of input counts.

    Attributes
    ----------
    USED
        Samples or events counted into a hop that is decoded.
    LATE
        Those that came after their hop had closed; dropped.
    DUPLICATE
        Those that had come before; dropped.
    INVALID
        Those that are NaN, negative, without a time, or with a time far from that of the samples
        around them; dropped.
    UNKNOWN
        Events of a channel that is not in the bundle, or of a unit that is not selected.
    SKIPPED
        Those thrown away unread, because the decoder had fallen behind.
    REORDERED
        Those that came out of order but in time; also counted as USED.
    MISSING
        Samples that never came, as the stamps of a regular stream show.
    CLOCK_STEPS
        Jumps of a clock.
    UNDECODABLE
        Those in a hop that can't be decoded: it began or ended in a gap, or the source's timing or
        its thresholds were still being learned.
    SMOOTHED
        Samples whose time stamps were uneven and were smoothed.
    SATURATED
        Samples of voltage with a channel whose spike-band power was too large to be real, and was
        limited; also counted as one of the others.

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
    UNDECODABLE = 9
    SMOOTHED = 10
    SATURATED = 11


# Everything that arrived is counted as exactly one of these.
FATES = (
    *[count for count in InputCounts if count < InputCounts.REORDERED],
    InputCounts.UNDECODABLE,
)


_LOSSES = (
    InputCounts.LATE,
    InputCounts.DUPLICATE,
    InputCounts.MISSING,
    InputCounts.INVALID,
    InputCounts.UNKNOWN,
    InputCounts.SKIPPED,
)
# Losses as the operator sees them: late, lost on the way, or of no use.
SHOWN_LOSSES = {
    "late": (InputCounts.LATE,),
    "lost": (InputCounts.MISSING, InputCounts.SKIPPED, InputCounts.INVALID),
    "dropped": (InputCounts.DUPLICATE, InputCounts.UNKNOWN),
}
# The operator hears of losses above this part of the input, and of missing samples above that.
_MANY, _MANY_MISSING = 0.1, 0.01
_MISSING_REMEDY = "samples are missing: check the cable, the switch and the driver's receive buffer"
_LATE_REMEDY = "samples are late because others overtook them: connect the source by one cable"
_LATE_EVENTS_REMEDY = "events are late: raise grace_ms in [input]"


def losses(counts: Mapping[InputCounts, int] | Int64Array) -> dict[InputCounts, int]:
    """Return the losses among some counts."""
    return {what: int(counts[what]) for what in _LOSSES if counts[what] > 0}


def are_many(counts: Mapping[InputCounts, int] | Int64Array) -> bool:
    """Return True if more than a tenth of the input was lost, or a hundredth is missing."""
    part, lost = part_lost(counts), losses(counts)
    missing = lost.get(InputCounts.MISSING, 0) / max(sum(lost.values()), 1)
    return part > _MANY or part * missing > _MANY_MISSING


def part_lost(counts: Mapping[InputCounts, int] | Int64Array) -> float:
    """Return the part of the input that was lost, 0 to 1."""
    n_lost = sum(losses(counts).values())
    return n_lost / max(n_lost + int(counts[InputCounts.USED]), 1)


def remedies(lost: Mapping[InputCounts, int], has_events: bool) -> str:
    """Return the remedies of some losses; ``has_events``: True if single events are decoded."""
    late = _LATE_EVENTS_REMEDY if has_events else _LATE_REMEDY
    each = {InputCounts.MISSING: _MISSING_REMEDY, InputCounts.LATE: late}
    return "; ".join(remedy for what, remedy in each.items() if lost.get(what))


def named_counts(counts: Mapping[InputCounts, int]) -> str:
    """Return the counts that are not zero, in words."""
    return ", ".join(f"{what.name.lower()} {n}" for what, n in counts.items() if n)


def empty_input_counts() -> Int64Array:
    """Return a vector of input counts, all zero."""
    return np.zeros(len(InputCounts), dtype=np.int64)
