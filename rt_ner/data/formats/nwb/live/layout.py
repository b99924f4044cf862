"""The layout of NWB files that are written while a session is recorded.

``acquisition`` holds one series per LSL stream: its samples as they were sent, its stamps in
seconds of the LSL clock (``timestamps_reference_time`` is that clock's zero), and its
LSL metadata as XML in ``comments``. Texts are stored in a fixed number of bytes, because HDF5
can't keep texts of any length readable while it writes. The notes list the streams in their order.
"""

import json
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

import h5py
import numpy as np

from rt_ner.data.formats.streams.stream_info import StreamInfo

# HDF5 1.10 and newer read it. Older forms can't be read while they are written.
LIBVER = ("v110", "v110")
TEXT_BYTES = 1024
_KEY = "rt_ner_recording"


def dtype_of(info: StreamInfo) -> np.dtype[np.generic]:
    """Return the type in which a stream's values are stored."""
    if info.format == "string":
        text: np.dtype[np.generic] = h5py.string_dtype("utf-8", TEXT_BYTES)
        return text
    return info.dtype


def notes_of(names: Sequence[str], about: Mapping[str, str]) -> str:
    """Return the notes of a file: its series in their order, and the decoder that ran."""
    return json.dumps({_KEY: {"streams": list(names), **about}})


def streams_in(file: h5py.File) -> dict[str, StreamInfo] | None:
    """Return the streams of an open file by their series' names; None if it was not recorded live.

    Of a series that was cut off, only what has both values and stamps counts.
    """
    try:
        names = json.loads(file["general/notes"][()])[_KEY]["streams"]
        return {
            name: _stream(number, file["acquisition"][name])
            for number, name in enumerate(names, start=1)
            if name in file["acquisition"]
        }
    except (KeyError, ValueError, TypeError, AttributeError, ElementTree.ParseError):
        return None


def _stream(number: int, series: h5py.Group) -> StreamInfo:
    header = ElementTree.fromstring(series.attrs["comments"])  # noqa: S314 - expat ≥ 2.4
    n_samples = min(len(series["data"]), len(series["timestamps"]))
    return StreamInfo(number, header, n_samples)
