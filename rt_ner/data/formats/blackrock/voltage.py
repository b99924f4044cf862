"""Values of the broadband in a Blackrock file (NSx), read by neo."""

from typing import NamedTuple

import numpy as np
from neo.rawio import BlackrockRawIO

from rt_ner.core.clock import ns_array_from_s
from rt_ner.data.formats.common.spike_trains import distinct_labels
from rt_ner.data.formats.common.voltage import VoltageCounter
from rt_ner.data.session.spikes import SpikeCounts, SpikeTimes
from rt_ner.decoding.binning.voltage.settings import VoltageSettings
from rt_ner.decoding.input.settings import InputKind
from rt_ner.decoding.input.spike_stream import MICROVOLTS, SpikeStream

# The detector's band ends at 6 kHz.
BROADBAND_HZ = 15_000
_CHUNK_SAMPLES = 30_000


class FoundSpikes(NamedTuple):
    """Channels and their spikes, None if there are none; and warnings."""

    channel_ids: tuple[str, ...]
    spikes: SpikeTimes | SpikeCounts | None
    warnings: list[str]


def voltage_spikes(
    files: BlackrockRawIO, segment: int, origin_ns: int, voltage: VoltageSettings
) -> FoundSpikes:
    """Return the values of broadband."""
    stream = _broadband_stream(files)
    if stream is None:
        return FoundSpikes((), None, [])
    form = _form_of(files, stream)
    begin_s = float(files.get_signal_t_start(0, segment, stream))
    n_samples = files.get_signal_size(0, segment, stream)
    counter = VoltageCounter(form, voltage)
    for first in range(0, n_samples, _CHUNK_SAMPLES):
        last = min(first + _CHUNK_SAMPLES, n_samples)
        ends_s = begin_s + np.arange(first + 1, last + 1) / form.rate_hz
        raw = files.get_analogsignal_chunk(0, segment, first, last, stream, None)
        counter.push(ns_array_from_s(ends_s) - origin_ns, np.ascontiguousarray(raw))
    kind = "spike-band power" if voltage.is_power else "threshold crossings"
    warning = f"spikes are {kind} of {len(form.columns)} broadband channels"
    return FoundSpikes(form.columns, counter.spikes(), [warning, *counter.warnings()])


def _form_of(files: BlackrockRawIO, stream: int) -> SpikeStream:
    """Return the shape of a stream of voltage."""
    number = files.header["signal_streams"][stream]["id"]
    first = next(one for one in files.header["signal_channels"] if one["stream_id"] == number)
    return SpikeStream(
        InputKind.BROADBAND,
        float(files.get_signal_sampling_rate(stream)),
        "int16",
        distinct_labels(labels_of(files, stream)),
        (),
        float(first["gain"]) * MICROVOLTS.get(str(first["units"]).lower(), 1.0),
    )


def _broadband_stream(files: BlackrockRawIO) -> int | None:
    """Return the first stream that is fast enough to hold spikes."""
    n_streams = files.signal_streams_count()
    rates_hz = [float(files.get_signal_sampling_rate(stream)) for stream in range(n_streams)]
    return next((stream for stream, hz in enumerate(rates_hz) if hz >= BROADBAND_HZ), None)


def labels_of(files: BlackrockRawIO, stream: int) -> tuple[str, ...]:
    """Return the labels of a stream's channels."""
    number = files.header["signal_streams"][stream]["id"]
    channels = files.header["signal_channels"]
    return tuple(str(one["name"]) for one in channels if one["stream_id"] == number)
