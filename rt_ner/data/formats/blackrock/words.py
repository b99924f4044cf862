"""Words of the digital and serial inputs, and comments, in a NEV file."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from neo.rawio import BlackrockRawIO

from rt_ner.core.arrays import AnyArray
from rt_ner.core.clock import ns_array_from_s
from rt_ner.data.formats.common.markers.marker import Marker, plain

# Names of the sources, by neo's names.
_PORTS = {"digital_input_port": "digital", "serial_input_port": "serial"}
_COMMENTS, _UTF_16 = "comments", 1


def nev_markers(files: BlackrockRawIO, segment: int, origin_ns: int) -> tuple[Marker, ...]:
    """Return all words and comments of a part of the recording, in order of time."""
    found = [*_words(files, segment, origin_ns), *_comments(files, segment, origin_ns)]
    return tuple(sorted(found, key=lambda one: one.time_ns))


def _words(files: BlackrockRawIO, segment: int, origin_ns: int) -> Iterator[Marker]:
    """Yield the words of both inputs."""
    for number, name in enumerate(files.header["event_channels"]["name"].tolist()):
        if name in _PORTS:
            ticks, _, codes = files.get_event_timestamps(0, segment, number)
            for time_ns, code in zip(_times_ns(files, ticks, origin_ns), codes, strict=True):
                yield Marker(time_ns, _PORTS[name], str(code))


def _comments(files: BlackrockRawIO, segment: int, origin_ns: int) -> Iterator[Marker]:
    """Yield the comments; neo itself decodes them only if all are sound."""
    packets, segments = getattr(files, "nev_data", {}).get("Comments", ((), ()))
    here = [packet for packet, own in zip(packets, segments, strict=True) if own == segment]
    if not here:
        return
    ticks = np.array([packet["timestamp"] for packet in here], dtype=np.uint64)
    for time_ns, packet in zip(_times_ns(files, ticks, origin_ns), here, strict=True):
        if text := _text_of(packet):
            yield Marker(time_ns, _COMMENTS, text)


def _text_of(packet: Any) -> str:
    """Return the text of a comment; NumPy cuts zeros off its end, which may be half a letter."""
    content = bytes(packet["comment"])
    if int(packet["char_set"]) != _UTF_16:
        return plain(content.decode("latin-1"))
    return plain((content + b"\0" * (len(content) % 2)).decode("utf-16-le", errors="replace"))


def _times_ns(files: BlackrockRawIO, ticks: AnyArray, origin_ns: int) -> list[int]:
    """Return times since the session's zero."""
    times_s = files.rescale_event_timestamp(ticks, "float64", 0)
    times_ns: list[int] = (ns_array_from_s(times_s) - origin_ns).tolist()
    return times_ns
