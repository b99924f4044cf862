"""Define a fault of some channels: its kind, and where it is."""

from typing import NamedTuple

from rt_ner.core.contract.faults.fault import Fault


class ChannelFault(NamedTuple):
    """A fault; ``of``: indices of its banks, or of its channel; empty for the whole array."""

    kind: Fault
    of: tuple[int, ...] = ()
