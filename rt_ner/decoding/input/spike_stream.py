"""Spike stream: what a stream of spikes carries, as its metadata tell, and how it is counted."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import pylsl

from rt_ner.core.clock import NS_PER_S, ns_from_ms
from rt_ner.core.errors import StreamError
from rt_ner.core.settings import DecodeSettings, InputKind, InputSettings
from rt_ner.decoding.binning.broadband import BroadbandBinner
from rt_ner.decoding.binning.detector import Detector
from rt_ner.decoding.binning.events import EventBinner
from rt_ner.decoding.binning.raster import RasterBinner, SpikeBinner, raster_binner
from rt_ner.decoding.decoder import DecoderSpecification
from rt_ner.decoding.input.channels import map_columns, map_events, needs_units
from rt_ner.lsl.streams import SPIKE_TYPES, StreamQuery, electrodes_of

# The columns of event streams, as found in the field; compared in lower case.
_CHANNEL_LABELS = ("channel", "channels", "channel_id", "ch", "ch_id", "chan", "electrode")
_UNIT_LABELS = ("unit", "units", "unit_id", "sort", "cluster")
_VOLTS = ("v", "mv", "uv", "µv", "μv", "nv", "volts", "millivolts", "microvolts", "nanovolts")


@dataclass(frozen=True)
class SpikeStream:
    """The shape of a stream of spikes. ``electrodes``: of events, in order of their numbers."""

    kind: InputKind
    rate_hz: float
    format: int
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


def spike_query(wanted: InputSettings) -> StreamQuery:
    """Which stream the settings ask for."""
    types = (wanted.type,) if wanted.type else SPIKE_TYPES
    return StreamQuery(types, wanted.name, wanted.source_id, wanted.host, wanted.predicate)


class StreamHeader(Protocol):
    """What a stream says of itself, live (`pylsl.StreamInfo`) or in a file."""

    def name(self) -> str: ...  # noqa: D102
    def type(self) -> str: ...  # noqa: D102
    def nominal_srate(self) -> float: ...  # noqa: D102
    def channel_count(self) -> int: ...  # noqa: D102
    def channel_format(self) -> int: ...  # noqa: D102
    def get_channel_labels(self) -> Sequence[str | None] | None: ...  # noqa: D102
    def get_channel_units(self) -> Sequence[str | None] | None: ...  # noqa: D102


def read_shape(info: pylsl.StreamInfo, wanted: InputKind) -> SpikeStream:
    """The shape of a live stream, by its full metadata.

    Raises StreamError if it can't be what is ``wanted``.
    """
    return shape_of(info, electrodes_of(info), wanted)


def shape_of(info: StreamHeader, electrodes: Sequence[str], wanted: InputKind) -> SpikeStream:
    """The shape of a stream; ``electrodes``: labels for the numbers of events, if it tells.

    Raises StreamError if it can't be what is ``wanted``.
    """
    name = f"stream '{info.name()}'"
    if info.channel_format() == pylsl.cf_string:
        raise StreamError(f"{name} sends text: numbers were expected; pick another with --source")
    rate_hz = float(info.nominal_srate())
    kind = _kind_of(info) if wanted is InputKind.AUTO else wanted
    if rate_hz <= 0 and kind is not InputKind.EVENTS:
        raise StreamError(
            f"{name} has no regular rate, so it can't be {kind}: set kind in [input] to events, or "
            "give it its sample rate in its header"
        )
    if rate_hz > 0 and kind is InputKind.EVENTS:
        raise StreamError(
            f"{name} has a regular rate of {rate_hz:g} Hz, so it can't be events: set kind in "
            "[input] to raster or broadband"
        )
    labels = tuple(label or "" for label in info.get_channel_labels() or ())
    columns = labels if len(labels) == info.channel_count() else ("",) * info.channel_count()
    named = tuple(electrodes) if kind is InputKind.EVENTS else ()
    return SpikeStream(kind, rate_hz, info.channel_format(), columns, named)


def binner_for(
    stream: SpikeStream, model: DecoderSpecification, settings: DecodeSettings
) -> SpikeBinner[Any]:
    """What counts this stream's spikes into the model's hops.

    Raises StreamError, with the remedy, if the stream is not of the model's array.
    """
    n_channels, hop_ns = len(model.channel_ids), model.window.hop_ns
    step_ns = ns_from_ms(settings.safety.clock_step_ms)
    query = settings.input.channel_selection
    if stream.kind is InputKind.EVENTS:
        _check_events(stream, model, settings)
        table = map_events(stream.electrodes, model.channel_ids, query)
        rules = (hop_ns, ns_from_ms(settings.input.grace_ms), step_ns)
        pooled = not needs_units(model.channel_ids, query)
        return EventBinner(n_channels, table, rules, query.base, pooled)
    columns = map_columns(stream.columns, model.channel_ids, query)
    if stream.kind is InputKind.RASTER:
        return raster_binner(n_channels, hop_ns, stream.period_ns, columns, step_ns)
    detector = Detector(len(stream.columns), stream.rate_hz, settings.detector)
    raster = RasterBinner(n_channels, columns, hop_ns, stream.period_ns, step_ns)
    return BroadbandBinner(detector, raster, stream.period_ns)


def _where_different(was: tuple[str, ...], now: tuple[str, ...]) -> tuple[object, object]:
    """The sizes of two lists; if they are equal, the first pair that differs."""
    if len(was) != len(now):
        return len(was), len(now)
    return next(pair for pair in zip(was, now, strict=True) if pair[0] != pair[1])


def _kind_of(info: StreamHeader) -> InputKind:
    """Irregular: events. Of type Ephys, or in volts: broadband. Everything else: a raster."""
    if info.nominal_srate() <= 0:
        return InputKind.EVENTS
    raster_type, _, broadband_type = SPIKE_TYPES
    units = {(unit or "").lower() for unit in info.get_channel_units() or ()}
    if info.type() == broadband_type or (info.type() != raster_type and units & {*_VOLTS}):
        return InputKind.BROADBAND
    return InputKind.RASTER


def _check_events(
    stream: SpikeStream, model: DecoderSpecification, settings: DecodeSettings
) -> None:
    if stream.channel_column is None:
        raise StreamError(
            f"events with columns {', '.join(map(repr, stream.columns))} have none for the "
            f"channel: label one of them {' or '.join(_CHANNEL_LABELS[:2])}"
        )
    if (
        needs_units(model.channel_ids, settings.input.channel_selection)
        and stream.unit_column is None
    ):
        raise StreamError(
            f"units are to be told apart, but events with columns "
            f"{', '.join(map(repr, stream.columns))} have none for the unit: label one of them "
            "'unit', or decode with a bundle of whole electrodes"
        )
