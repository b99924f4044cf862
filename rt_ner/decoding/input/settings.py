"""Define the settings that choose the spike stream, its kind and its channels."""

import math
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from rt_ner.core.contract.kinds import ChannelValue, ReferenceKind, SpikeForm
from rt_ner.core.settings import Settings
from rt_ner.decoding.binning.voltage.settings import FEWEST_IN_BANK, MOST_IN_BANK
from rt_ner.decoding.input.channels import N_UNITS, ChannelSelection


class InputKind(StrEnum):
    """The form of spikes in a stream; AUTO: as the stream's own metadata say."""

    AUTO = "auto"
    RASTER = SpikeForm.RASTER.value
    EVENTS = SpikeForm.EVENTS.value
    BROADBAND = SpikeForm.BROADBAND.value


class Stamps(StrEnum):
    """The use of a regular stream's time stamps.

    Attributes
    ----------
    AUTO
        As sent while they are even; smoothed from the moment they are not.
    AS_SENT
        As sent.
    SMOOTHED
        Smoothed from the start.

    """

    AUTO = "auto"
    AS_SENT = "as-sent"
    SMOOTHED = "smoothed"


class MissingSource(StrEnum):
    """The rule for several sources, when one of them is missing or sends nothing.

    Attributes
    ----------
    STOP
        The cursor stands still until all of them are there.
    WITHOUT
        The cursor goes on with the others.

    """

    STOP = "stop"
    WITHOUT = "without"


class InputSettings(Settings):
    """The spike stream to decode, and how its channels are found.

    Attributes
    ----------
    kind
        ``raster``, ``events``, ``broadband``, or ``auto``: as the stream's metadata say.
    type
        LSL type, such as ``Spikes``; empty: ``Spikes``, ``SpikeEvents`` or ``Ephys``.
    name, source_id, host
        LSL name, source_id and sending computer, such as ``replay/spikes``; empty: any.
    sources
        source_ids of several streams to decode together, one for each area of the bundle, in its
        order, such as ``("nsp1/spikes", "nsp2/spikes")``; empty: a single stream.
    missing_source
        Several streams, and one is missing: ``stop`` the cursor, or go on ``without`` it.
    predicate
        A further condition in liblsl's XPath, such as ``starts-with(name,'Cere')``.
    wait_s
        Time in s after which to give up if the stream does not appear; infinite: never.
    channels
        Labels or numbers of the stream's channels, in the bundle's order, such as
        ``("elec1", "elec2")``; empty: by the bundle's own names.
    by_order
        True if the stream's channels are the bundle's, in the same order, whatever their labels.
    units
        Sorted units to count, such as ``(1, 2)``; empty: all of them, pooled.
    base
        Number of the first channel: 1 or 0.
    grace_ms
        Time in ms for which to wait for late events.
    stamps
        Use of the time stamps of rasters and broadband: ``auto``, ``as-sent`` or ``smoothed``.
    value
        Value of a channel of broadband: ``crossings`` or ``spike-band-power``. None: as the bundle
        was trained; anything else is refused.
    reference
        Reference of broadband: ``none``, ``average``, ``median`` or ``regression``. None: likewise.
    bank
        Number of neighbouring channels that share a reference. None: likewise.

    """

    kind: InputKind = InputKind.AUTO
    type: str = ""
    name: str = ""
    source_id: str = ""
    sources: tuple[str, ...] = ()
    missing_source: MissingSource = MissingSource.STOP
    host: str = ""
    predicate: str = ""
    wait_s: float = Field(default=math.inf, ge=0, allow_inf_nan=True)
    channels: tuple[str, ...] = ()
    by_order: bool = False
    units: tuple[Annotated[int, Field(ge=0, lt=N_UNITS)], ...] = ()
    base: Literal[0, 1] = 1
    grace_ms: float = Field(default=5.0, ge=0, le=1000)
    stamps: Stamps = Stamps.AUTO
    value: ChannelValue | None = None
    reference: ReferenceKind | None = None
    bank: int | None = Field(default=None, ge=FEWEST_IN_BANK, le=MOST_IN_BANK)

    @field_validator("sources")
    @classmethod
    def _are_several(cls, sources: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if sources and (len(set(sources)) < max(len(sources), 2) or not all(sources)):
            raise ValueError("expected two or more different source_ids; for one, set source_id")
        if sources and (info.data.get("name") or info.data.get("source_id")):
            raise ValueError("expected either sources, or name and source_id: remove the others")
        return sources

    def each_source(self) -> tuple["InputSettings", ...]:
        """Return the settings of each source, as those of a single one."""
        if not self.sources:
            return (self,)
        return tuple(
            self.model_copy(update={"sources": (), "source_id": source}) for source in self.sources
        )

    @property
    def channel_selection(self) -> ChannelSelection:
        """The rule by which the bundle's channels are found among the stream's."""
        return ChannelSelection(self.channels, self.by_order, self.units, self.base)


def chosen_sources(text: str | None) -> dict[str, object]:
    """Return the settings that a text chooses: one source_id, or several with commas between."""
    if not text:
        return {}
    sources = tuple(name.strip() for name in text.split(","))
    return (
        {"source_id": text, "sources": ()}
        if len(sources) == 1
        else {"source_id": "", "name": "", "sources": sources}
    )
