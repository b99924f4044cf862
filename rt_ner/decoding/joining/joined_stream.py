"""Describe several streams that are decoded together, and choose the binner that joins them."""

from dataclasses import dataclass, replace

from rt_ner.core.errors import StreamError
from rt_ner.decoding.binning.detector import DetectorSettings
from rt_ner.decoding.input.binners import binner_for
from rt_ner.decoding.input.settings import InputSettings, MissingSource
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.decoding.joining.area_channels import divide_channels
from rt_ner.decoding.joining.joined_binner import Absence, JoinedBinner
from rt_ner.decoding.joining.source_hops import SourceHops, SourceName
from rt_ner.decoding.specification import DecoderSpecification


@dataclass(frozen=True)
class JoinedStream:
    """The shapes of several streams, in the order of the bundle's areas.

    ``source_ids``: the source_id of each. ``streams``: the shape of each.
    """

    source_ids: tuple[str, ...]
    streams: tuple[SpikeStream, ...]

    def changed(self, now: "JoinedStream") -> str:
        """Return the differences of other streams from these, in words; empty if none."""
        pairs = zip(self.source_ids, self.streams, now.streams, strict=True)
        changes = [(source_id, was.changed(is_now)) for source_id, was, is_now in pairs]
        return "; ".join(f"'{source_id}': {change}" for source_id, change in changes if change)


def joined_binner(
    stream: JoinedStream,
    model: DecoderSpecification,
    settings: InputSettings,
    detector_settings: DetectorSettings,
    times_ns: tuple[int, int],
) -> JoinedBinner:
    """Return the binner that joins several streams into a model's hops.

    Parameters
    ----------
    stream
        The streams' shapes.
    model
        The model, with its channels, areas and window.
    settings
        How channels are found among the streams', the grace for late events, and what to do if a
        source is missing.
    detector_settings
        How spikes are detected in broadband streams.
    times_ns
        In ns: the jump of the stamps beyond which a clock must have been set, and the time by which
        other sources must be ahead of a missing one before they go on without it.

    Returns
    -------
    JoinedBinner
        The binner for chunks of these streams.

    Raises StreamError if the streams are not one for each area, or one does not fit its area.
    """
    step_ns, patience_ns = times_ns
    hop_ns = model.window.hop_ns
    sources = []
    areas = divide_channels(model, settings)
    for source_id, shape, area in zip(stream.source_ids, stream.streams, areas, strict=True):
        own = replace(model, channel_ids=area.names)
        plain, chosen = area.plain_stream(shape), area.plain_settings(settings)
        try:
            binner = binner_for(plain, own, chosen, detector_settings, step_ns)
        except StreamError as error:
            raise StreamError(f"'{source_id}', which must be {area.area}: {error}") from error
        name = SourceName(source_id, area.area)
        sources.append(SourceHops(name, (binner, shape), area.places, hop_ns))
    absence = _absence(model, settings, patience_ns)
    return JoinedBinner(sources, len(model.channel_ids), hop_ns, absence)


def _absence(
    model: DecoderSpecification, settings: InputSettings, patience_ns: int
) -> Absence | None:
    """Return the rule by which to go on without a source; None if the settings want none."""
    if settings.missing_source is MissingSource.STOP:
        return None
    if model.neutral_counts is None:
        raise StreamError(
            'missing_source = "without" needs a bundle, which tells the usual counts of each '
            'channel, and this decoder has none: set missing_source = "stop" in [input]'
        )
    return Absence(model.neutral_counts, patience_ns, model.window.history_ns)
