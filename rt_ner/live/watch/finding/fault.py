"""Say which fault concerns which channels."""

from typing import NamedTuple

from rt_ner.core.contract.faults.fault import Fault


class ChannelFault(NamedTuple):
    """A fault; ``of``: the banks or the channel that it concerns, none for the whole array."""

    kind: Fault
    of: tuple[int, ...] = ()
