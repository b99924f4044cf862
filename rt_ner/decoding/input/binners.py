"""Choose the binner that counts a spike stream."""

from typing import Any

from rt_ner.core.clock import ns_from_ms
from rt_ner.core.errors import StreamError
from rt_ner.decoding.binning.binner import SpikeBinner
from rt_ner.decoding.binning.broadband import BroadbandBinner
from rt_ner.decoding.binning.detector import Detector, DetectorSettings
from rt_ner.decoding.binning.events import EventBinner
from rt_ner.decoding.binning.raster import RasterBinner, raster_binner
from rt_ner.decoding.binning.voltage.band import BandReader
from rt_ner.decoding.binning.voltage.power import PowerReader
from rt_ner.decoding.binning.voltage.settings import VoltageSettings
from rt_ner.decoding.input.channels import (
    ChannelSelection,
    map_columns,
    map_events,
    needs_units,
)
from rt_ner.decoding.input.settings import InputKind, InputSettings
from rt_ner.decoding.input.spike_stream import CHANNEL_LABELS, SpikeStream
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.decoding.timing.timed_binner import TimedBinner
from rt_ner.decoding.timing.timed_events import TimedEvents


def binner_for(
    stream: SpikeStream,
    model: DecoderSpecification,
    settings: InputSettings,
    detector_settings: DetectorSettings,
    step_ns: int,
) -> SpikeBinner[Any]:
    """Return the binner that counts a stream's spikes into a model's hops.

    Parameters
    ----------
    stream
        The stream's shape.
    model
        The model, with its channels and window.
    settings
        How the model's channels are found among the stream's, and the grace for late events.
    detector_settings
        How spikes are detected, if the stream is broadband.
    step_ns
        Jump of the stamps, in ns, beyond which a clock must have been set.

    Returns
    -------
    SpikeBinner
        The binner for the chunks of this stream.

    Raises StreamError if the stream does not hold the model's channels or values, or its rate does
    not fit.
    """
    _check_values(stream, model, settings)
    n_channels, hop_ns = len(model.channel_ids), model.window.hop_ns
    selection = settings.channel_selection
    if stream.kind is InputKind.EVENTS:
        _check_events(stream, model, selection)
        table = map_events(stream.electrodes, model.channel_ids, selection)
        rules = (hop_ns, ns_from_ms(settings.grace_ms), step_ns)
        pooled = not needs_units(model.channel_ids, selection)
        return TimedEvents(EventBinner(n_channels, table, rules, selection.base, pooled))
    columns = map_columns(stream.columns, model.channel_ids, selection)
    binner: SpikeBinner[Any]
    if stream.kind is InputKind.RASTER:
        binner = raster_binner(n_channels, hop_ns, stream.period_ns, columns, step_ns)
    else:
        reader = band_reader(stream, model.voltage, detector_settings)
        raster = RasterBinner(n_channels, columns, hop_ns, stream.period_ns, step_ns)
        binner = BroadbandBinner(reader, raster, stream.period_ns)
    return TimedBinner(binner, stream.period_ns, step_ns, settings.stamps)


def band_reader(
    stream: SpikeStream, voltage: VoltageSettings, settings: DetectorSettings
) -> BandReader:
    """Return the reader of a broadband stream's values; StreamError if its rate is too low."""
    n_channels = len(stream.columns)
    if voltage.is_power:
        return PowerReader(n_channels, stream.rate_hz, stream.microvolts, settings.learn_s, voltage)
    return Detector(n_channels, stream.rate_hz, settings, voltage)


def _check_values(
    stream: SpikeStream, model: DecoderSpecification, settings: InputSettings
) -> None:
    """Raise StreamError unless the model's values can be made of the stream as the settings say."""
    if model.voltage.is_power and stream.kind is not InputKind.BROADBAND:
        raise StreamError(
            f"the bundle decodes {model.voltage}, and the stream is {stream.kind}: pick a stream "
            "of broadband voltage with --source, or decode with a bundle of crossings"
        )
    asked = {"value": settings.value, "reference": settings.reference, "bank": settings.bank}
    given = {key: value for key, value in asked.items() if value is not None}
    if VoltageSettings.model_validate(model.voltage.model_dump() | given) != model.voltage:
        raise StreamError(
            f"the bundle was trained on {model.voltage}, and [input] asks for "
            f"{', '.join(f'{key} = {value}' for key, value in given.items())}: leave that out, or "
            "train a bundle with it"
        )


def _check_events(
    stream: SpikeStream, model: DecoderSpecification, selection: ChannelSelection
) -> None:
    if stream.channel_column is None:
        raise StreamError(
            f"events with the columns {', '.join(map(repr, stream.columns))} have none for the "
            f"channel: label one of them {' or '.join(CHANNEL_LABELS[:2])}"
        )
    if needs_units(model.channel_ids, selection) and stream.unit_column is None:
        raise StreamError(
            f"the units must be told apart, but events with the columns "
            f"{', '.join(map(repr, stream.columns))} have none for the unit: label one of them "
            "'unit', or decode with a bundle of whole electrodes"
        )
