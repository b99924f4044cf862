"""Read XDF files, as LabRecorder writes them, with pyxdf."""

import io
import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyxdf

from rt_ner.core.clock import NS_PER_S
from rt_ner.data.formats.common.guards.foreign_files import foreign_file
from rt_ner.data.formats.streams.recording import recording_of
from rt_ner.data.formats.streams.samples import RecordedStreams, Samples, checked_ns, moment_of
from rt_ner.data.formats.streams.stream_info import StreamInfo
from rt_ner.data.formats.xdf.chunks import Chunk, Contents, begin_text, copied, scan
from rt_ner.data.formats.xdf.disk_rows import DiskRows, without_values
from rt_ner.data.recordings import RecordingFile
from rt_ner.decoding.binning.voltage.settings import CROSSINGS, VoltageSettings

_SET_BACK = "a clock was set back during the recording: its parts are joined by its clock offsets"
# pyxdf logs damage that we report ourselves.
logging.getLogger("pyxdf").addHandler(logging.NullHandler())


def read(
    path: Path, area: str | None, voltage: VoltageSettings = CROSSINGS, codes: bool = False
) -> RecordingFile:
    """Read a recording; areas are the sources of the spike streams.

    ``codes``: True if a recipe says what markers mean.
    """
    return recording_of(recorded_streams(path), area, voltage, codes)


def recorded_streams(path: Path) -> RecordedStreams:
    """Return the streams of a file. Raise SessionError if it is not XDF."""
    contents = scan(path)
    infos = [
        StreamInfo(number, header, contents.n_samples.get(number, 0))
        for number, header in contents.headers.items()
    ]
    return RecordedStreams(
        path,
        infos,
        tuple(contents.damage),
        partial(_load_samples, path, contents),
        moment_of(begin_text(path, contents)),
    )


def _load_samples(
    path: Path, contents: Contents, wanted: Sequence[StreamInfo], on_disk: bool = False
) -> tuple[dict[int, Samples], list[str]]:
    """Return the samples of some streams by number, and warnings.

    Streams of one computer share its clock, so their stamps stay as they are. Those of several
    computers are moved by the clock offsets that LabRecorder measured. Values of voltage, or all
    numbers, stay on the disk.
    """
    rows = {
        stream.number: stream
        for stream in wanted
        if stream.is_voltage or (on_disk and stream.format != "string")
    }
    several = len({stream.host for stream in wanted}) > 1
    chunks = contents.of_streams({stream.number for stream in wanted})

    def changed(chunk: Chunk, content: bytes) -> bytes:
        info = rows.get(chunk.stream)
        return content if info is None else without_values(info, chunk, content)

    raw = b"".join(copied(path, chunks, changed))
    samples, warnings = _parsed(raw, several), []
    if not several and any((np.diff(one.stamps_ns) < -NS_PER_S).any() for one in samples.values()):
        samples, warnings = _parsed(raw, True), [_SET_BACK]
    for number, info in rows.items():
        samples[number] = replace(samples[number], values=DiskRows(path, info, chunks))
    return samples, warnings


def _parsed(raw: bytes, synchronize: bool) -> dict[int, Samples]:
    """Return the samples of all streams in a file's bytes, by stream number."""
    with foreign_file("XDF"):
        streams, _ = pyxdf.load_xdf(
            io.BytesIO(raw), synchronize_clocks=synchronize, dejitter_timestamps=False
        )
    return {
        stream["info"]["stream_id"]: Samples(
            checked_ns(stream["time_stamps"]), stream["time_series"]
        )
        for stream in streams
    }
