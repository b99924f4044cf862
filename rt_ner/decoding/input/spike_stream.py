"""Spike stream: what a stream of spikes carries, as its metadata tell, and how it is counted."""

from dataclasses import dataclass, fields
from typing import Any

from rt_ner.core.clock import NS_PER_S, ns_from_ms
from rt_ner.core.contract.kinds import SPIKE_TYPES
from rt_ner.core.errors import StreamError
from rt_ner.decoding.binning.broadband import BroadbandBinner
from rt_ner.decoding.binning.detector import Detector, DetectorSettings
from rt_ner.decoding.binning.events import EventBinner
from rt_ner.decoding.binning.raster import RasterBinner, raster_binner
from rt_ner.decoding.binning.binner import SpikeBinner
from rt_ner.decoding.decoder import DecoderSpecification
from rt_ner.decoding.input.channels import (
    ChannelSelection,
    map_columns,
    map_events,
    needs_units,
)
from rt_ner.decoding.input.settings import InputKind, InputSettings

# The columns of event streams, as found in the field; compared in lower case.
_CHANNEL_LABELS = ("channel", "channels", "channel_id", "ch", "ch_id", "chan", "electrode")
_UNIT_LABELS = ("unit", "units", "unit_id", "sort", "cluster")
# The type of samples that are no numbers.
_TEXT = "string"
_VOLTS = ("v", "mv", "uv", "µv", "μv", "nv", "volts", "millivolts", "microvolts", "nanovolts")


@dataclass(frozen=True)
class SpikeStream:
    """The shape of a stream of spikes. ``electrodes``: of events, in order of their numbers."""

    kind: InputKind
    rate_hz: float
    format: str
    columns: tuple[str, ...]
    electrodes: tuple[str, ...]

    @property
    def period_ns(self) -> float:
        """How long a sample of a regular stream lasts; a fraction of a nanosecond counts."""
        return NS_PER_S / self.rate_hz

    def column(self, known: tuple[str, ...]) -> int | None:
        """The column whose label is one of the known ones."""
        labels = [label.lower() for label in self.columns]
        return next((labels.index(name) for name in known if name in labels), None)

    @property
    def channel_column(self) -> int | None:
        """The column of an event that holds its channel's number."""
        return 0 if len(self.columns) == 1 else self.column(_CHANNEL_LABELS)

    @property
    def unit_column(self) -> int | None:
        """The column of an event that holds its unit's number."""
        return self.column(_UNIT_LABELS)

    def changed(self, now: "SpikeStream") -> str:
        """What is no longer as it was, in words; empty if nothing."""
        changes = []
        for field in fields(self):
            was, is_now = getattr(self, field.name), getattr(now, field.name)
            if was != is_now:
                if isinstance(was, tuple):
                    was, is_now = _where_different(was, is_now)
                changes.append(f"{field.name} was {was}, is {is_now}")
        return "; ".join(changes)


@dataclass(frozen=True)
class StreamHeader:
    """A stream's own description, live or in a file.

    ``format``: name of its samples' type, as XDF has it: int16, float32, string, …. ``labels`` and
    ``units``: one per channel, or none. ``electrodes``: labels for the channel numbers of events.
    """

    name: str
    type: str
    rate_hz: float
    n_channels: int
    format: str
    labels: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    electrodes: tuple[str, ...] = ()


def spike_stream_of(header: StreamHeader, wanted: InputKind) -> SpikeStream:
    """Return the shape of the spike stream that a header describes.

    Raises
    ------
    StreamError
        If it can't be of the kind that is ``wanted``.
    """
    name = f"stream '{header.name}'"
    if header.format == _TEXT:
        raise StreamError(f"{name} sends text: numbers were expected; pick another with --source")
    kind = _kind_of(header) if wanted is InputKind.AUTO else wanted
    if header.rate_hz <= 0 and kind is not InputKind.EVENTS:
        raise StreamError(
            f"{name} has no regular rate, so it can't be {kind}: set kind in [input] to events, or "
            "give it its sample rate in its header"
        )
    if header.rate_hz > 0 and kind is InputKind.EVENTS:
        raise StreamError(
            f"{name} has a regular rate of {header.rate_hz:g} Hz, so it can't be events: set kind "
            "in [input] to raster or broadband"
        )
    is_labelled = len(header.labels) == header.n_channels
    columns = header.labels if is_labelled else ("",) * header.n_channels
    named = header.electrodes if kind is InputKind.EVENTS else ()
    return SpikeStream(kind, header.rate_hz, header.format, columns, named)


def binner_for(
    stream: SpikeStream,
    model: DecoderSpecification,
    settings: InputSettings,
    detector_settings: DetectorSettings,
    step_ns: int,
) -> SpikeBinner[Any]:
    """Return the binner that counts this stream's spikes into the model's hops.

    ``step_ns``: a jump of the stamps by more is a clock that was set.

    Raises
    ------
    StreamError
        If the stream is not of the model's array, with the remedy.
    """
    n_channels, hop_ns = len(model.channel_ids), model.window.hop_ns
    selection = settings.channel_selection
    if stream.kind is InputKind.EVENTS:
        _check_events(stream, model, selection)
        table = map_events(stream.electrodes, model.channel_ids, selection)
        rules = (hop_ns, ns_from_ms(settings.grace_ms), step_ns)
        pooled = not needs_units(model.channel_ids, selection)
        return EventBinner(n_channels, table, rules, selection.base, pooled)
    columns = map_columns(stream.columns, model.channel_ids, selection)
    if stream.kind is InputKind.RASTER:
        return raster_binner(n_channels, hop_ns, stream.period_ns, columns, step_ns)
    detector = Detector(len(stream.columns), stream.rate_hz, detector_settings)
    raster = RasterBinner(n_channels, columns, hop_ns, stream.period_ns, step_ns)
    return BroadbandBinner(detector, raster, stream.period_ns)


def _where_different(was: tuple[str, ...], now: tuple[str, ...]) -> tuple[object, object]:
    """The sizes of two lists; if they are equal, the first pair that differs."""
    if len(was) != len(now):
        return len(was), len(now)
    return next(pair for pair in zip(was, now, strict=True) if pair[0] != pair[1])


def _kind_of(header: StreamHeader) -> InputKind:
    """Irregular: events. Of type Ephys, or in volts: broadband. Everything else: a raster."""
    if header.rate_hz <= 0:
        return InputKind.EVENTS
    raster_type, _, broadband_type = SPIKE_TYPES
    units = {unit.lower() for unit in header.units}
    if header.type == broadband_type or (header.type != raster_type and units & {*_VOLTS}):
        return InputKind.BROADBAND
    return InputKind.RASTER


def _check_events(
    stream: SpikeStream, model: DecoderSpecification, selection: ChannelSelection
) -> None:
    if stream.channel_column is None:
        raise StreamError(
            f"events with columns {', '.join(map(repr, stream.columns))} have none for the "
            f"channel: label one of them {' or '.join(_CHANNEL_LABELS[:2])}"
        )
    if needs_units(model.channel_ids, selection) and stream.unit_column is None:
        raise StreamError(
            f"units are to be told apart, but events with columns "
            f"{', '.join(map(repr, stream.columns))} have none for the unit: label one of them "
            "'unit', or decode with a bundle of whole electrodes"
        )
