"""Values of the broadband in a Blackrock file (NSx), read by neo."""

from typing import NamedTuple

import numpy as np
from neo.rawio import BlackrockRawIO

from rt_ner.core.clock import ns_array_from_s
from rt_ner.data.formats.blackrock.channels import BROADBAND_HZ, electrode_columns
from rt_ner.data.formats.common.spike_trains import distinct_labels
from rt_ner.data.formats.common.voltage import VoltageCounter
from rt_ner.data.session.spikes import SpikeCounts, SpikeTimes
from rt_ner.decoding.binning.voltage.settings import VoltageSettings
from rt_ner.decoding.input.settings import InputKind
from rt_ner.decoding.input.spike_stream import MICROVOLTS, SpikeStream

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
    columns = electrode_columns(files, stream)
    form = _form_of(files, stream, columns)
    begin_s = float(files.get_signal_t_start(0, segment, stream))
    n_samples = files.get_signal_size(0, segment, stream)
    counter = VoltageCounter(form, voltage)
    for first in range(0, n_samples, _CHUNK_SAMPLES):
        last = min(first + _CHUNK_SAMPLES, n_samples)
        ends_s = begin_s + np.arange(first + 1, last + 1) / form.rate_hz
        raw = files.get_analogsignal_chunk(0, segment, first, last, stream, columns)
        counter.push(ns_array_from_s(ends_s) - origin_ns, np.ascontiguousarray(raw))
    kind = "spike-band power" if voltage.is_power else "threshold crossings"
    warning = f"spikes are {kind} of {len(form.columns)} broadband channels"
    return FoundSpikes(form.columns, counter.spikes(), [warning, *counter.warnings()])


def _form_of(files: BlackrockRawIO, stream: int, columns: list[int]) -> SpikeStream:
    """Return the shape of some columns of a stream of voltage."""
    number = files.header["signal_streams"][stream]["id"]
    channels = [one for one in files.header["signal_channels"] if one["stream_id"] == number]
    first = channels[columns[0]]
    return SpikeStream(
        InputKind.BROADBAND,
        float(files.get_signal_sampling_rate(stream)),
        "int16",
        distinct_labels(tuple(str(channels[column]["name"]) for column in columns)),
        (),
        float(first["gain"]) * MICROVOLTS.get(str(first["units"]).lower(), 1.0),
    )


def _broadband_stream(files: BlackrockRawIO) -> int | None:
    """Return the first stream of electrodes that is fast enough to hold spikes."""
    for stream in range(files.signal_streams_count()):
        is_fast = float(files.get_signal_sampling_rate(stream)) >= BROADBAND_HZ
        if is_fast and electrode_columns(files, stream):
            return stream
    return None
