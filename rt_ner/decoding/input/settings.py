"""Settings of the spike stream: which one, of which kind, and which of its channels."""

import math
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from rt_ner.core.contract.spike_form import SpikeForm
from rt_ner.core.settings import Settings
from rt_ner.decoding.input.channels import N_UNITS, ChannelSelection


class InputKind(StrEnum):
    """What a spike stream carries. AUTO: as its own metadata say."""

    AUTO = "auto"
    RASTER = SpikeForm.RASTER.value
    EVENTS = SpikeForm.EVENTS.value
    BROADBAND = SpikeForm.BROADBAND.value


class InputSettings(Settings):
    """Which spike stream to decode, and how its channels are found. Empty: any, or by itself."""

    kind: InputKind = InputKind.AUTO
    type: str = ""
    name: str = ""
    source_id: str = ""
    host: str = ""
    predicate: str = ""
    wait_s: float = Field(default=math.inf, ge=0, allow_inf_nan=True)
    channels: tuple[str, ...] = ()
    by_order: bool = False
    units: tuple[Annotated[int, Field(ge=0, lt=N_UNITS)], ...] = ()
    base: Literal[0, 1] = 1
    grace_ms: float = Field(default=5.0, ge=0, le=1000)

    @property
    def channel_selection(self) -> ChannelSelection:
        """How the bundle's channels are to be found among the stream's."""
        return ChannelSelection(self.channels, self.by_order, self.units, self.base)
