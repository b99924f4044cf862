"""Name the faults that the watch tells of."""

from enum import StrEnum
from typing import NamedTuple


class FaultKind(StrEnum):
    """The kind of a fault, by the name under which bundles hold what it costs."""

    DEAD_BANK = "dead bank"
    DEAD_CHANNELS = "dead channels"
    SWAPPED_BANKS = "swapped banks"
    GAIN = "gain"
    HOT_CHANNELS = "hot channels"


class Fault(NamedTuple):
    """A fault; ``of``: the banks or the channel that it concerns, none for the whole array."""

    kind: FaultKind
    of: tuple[int, ...] = ()
