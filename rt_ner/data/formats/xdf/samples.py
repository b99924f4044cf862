"""Samples of an XDF file's streams, on one clock, read by pyxdf."""

import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyxdf

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S, ns_array_from_s
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.guards.foreign_files import foreign_file
from rt_ner.data.formats.xdf.chunks import Contents, scan
from rt_ner.data.formats.xdf.stream_info import StreamInfo, streams_of

# No clock counts further: 4e9 s since 1970 is the year 2096.
_LARGEST_S = 4e9
# pyxdf logs damage that we report ourselves.
logging.getLogger("pyxdf").addHandler(logging.NullHandler())


@dataclass(frozen=True, eq=False, repr=False)
class Samples:
    """Stamps in ns of one clock, and values: ``(sample, channel)``, or lists of texts."""

    stamps_ns: Int64Array
    values: Any


@dataclass(frozen=True, eq=False, repr=False)
class Numbers:
    """A numeric stream: stamps ``(sample,)`` in ns of one clock, values ``(sample, channel)``.

    Values are in cm or cm/s if the stream has a unit of length, else as they were recorded.
    """

    labels: tuple[str, ...]
    rate_hz: float
    stamps_ns: Int64Array
    values: FloatArray


def load_samples(
    path: Path, contents: Contents, wanted: Sequence[StreamInfo]
) -> tuple[dict[int, Samples], list[str]]:
    """Return the samples of some streams by number, and warnings.

    Streams of one computer share its clock, so their stamps stay as they are. Those of several
    computers are moved by the clock offsets that LabRecorder measured.
    """
    numbers = {stream.number for stream in wanted}
    several = len({stream.host for stream in wanted}) > 1
    raw = contents.bytes_of(path, numbers)
    samples = _parsed(raw, several)
    if not several and any((np.diff(one.stamps_ns) < -NS_PER_S).any() for one in samples.values()):
        return _parsed(raw, True), [
            "a clock was set back during the recording: its parts are joined by its clock offsets"
        ]
    return samples, []


def read_numbers(path: Path, source_ids: Sequence[str]) -> dict[str, Numbers]:
    """Return numeric streams by source_id. Raise SessionError if one is missing or empty."""
    try:
        contents = scan(path)
        streams = {stream.source_id: stream for stream in streams_of(contents)}
        empty = [name for name in source_ids if name not in streams or not streams[name].n_samples]
        if empty:
            raise SessionError(
                f"no samples of {', '.join(empty)}; it holds {', '.join(streams) or 'no stream'}"
            )
        samples, _ = load_samples(path, contents, [streams[name] for name in source_ids])
    except (SessionError, OSError) as error:
        raise SessionError(f"{path}: {error}") from error
    return {name: _numbers(streams[name], samples[streams[name].number]) for name in source_ids}


def _numbers(stream: StreamInfo, samples: Samples) -> Numbers:
    """Return the samples of a numeric stream, in cm where its unit is known."""
    return Numbers(
        labels=stream.labels,
        rate_hz=stream.rate_hz,
        stamps_ns=samples.stamps_ns,
        values=np.asarray(samples.values, dtype=np.float64) * (stream.cm_per_unit or 1.0),
    )


def _parsed(raw: bytes, synchronize: bool) -> dict[int, Samples]:
    """Return the samples of all streams in a file's bytes, by stream number."""
    with foreign_file("XDF"):
        streams, _ = pyxdf.load_xdf(
            io.BytesIO(raw), synchronize_clocks=synchronize, dejitter_timestamps=False
        )
    return {
        stream["info"]["stream_id"]: Samples(
            _checked_ns(stream["time_stamps"]), stream["time_series"]
        )
        for stream in streams
    }


def _checked_ns(stamps_s: FloatArray) -> Int64Array:
    """Return stamps as integers. Raise SessionError if no clock can have them."""
    if not (np.abs(stamps_s) < _LARGEST_S).all():
        raise SessionError(
            f"time stamps beyond {_LARGEST_S:,.0f} s, which no clock shows: the recording is "
            "damaged, get an intact copy"
        )
    return ns_array_from_s(np.asarray(stamps_s, dtype=np.float64))
