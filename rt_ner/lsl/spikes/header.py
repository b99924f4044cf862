"""Read a live stream's description of itself into the form that decoding uses."""

import pylsl

from rt_ner.decoding.input.settings import InputKind
from rt_ner.decoding.input.spike_stream import SpikeStream, StreamHeader, spike_stream_of
from rt_ner.lsl.streams import FORMAT_NAMES, electrodes_of


def read_spike_stream(info: pylsl.StreamInfo, wanted: InputKind) -> SpikeStream:
    """Return the shape of a live stream.

    Parameters
    ----------
    info
        The stream's full metadata.
    wanted
        The kind that it must be; `InputKind.AUTO`: as its metadata say.

    Returns
    -------
    SpikeStream
        Kind, rate, format and labels.

    Raises
    ------
    StreamError
        If the stream can't be of the wanted kind.

    """
    header = StreamHeader(
        name=info.name(),
        type=info.type(),
        rate_hz=float(info.nominal_srate()),
        n_channels=info.channel_count(),
        format=FORMAT_NAMES[info.channel_format()],
        labels=tuple(label or "" for label in info.get_channel_labels() or ()),
        units=tuple(unit or "" for unit in info.get_channel_units() or ()),
        electrodes=tuple(electrodes_of(info)),
    )
    return spike_stream_of(header, wanted)
