"""Samples of recorded streams, on one clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import ns_array_from_s
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.streams.stream_info import StreamInfo

# No clock counts further: 4e9 s since 1970 is the year 2096.
_LARGEST_S = 4e9


@dataclass(frozen=True, eq=False, repr=False)
class Samples:
    """Stamps in ns of one clock, and values: ``(sample, channel)``, or lists of texts.

    Numbers may still be on the disk, and are read slice by slice; those of voltage always are.
    """

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


class Load(Protocol):
    """Reads the samples of some streams, and of no others."""

    def __call__(
        self, wanted: Sequence[StreamInfo], /, on_disk: bool = False
    ) -> tuple[dict[int, Samples], list[str]]:
        """Return the samples by the stream's number, and warnings.

        ``on_disk``: True to leave all numbers on the disk, but for their stamps.
        """
        ...


@dataclass(frozen=True, eq=False, repr=False)
class RecordedStreams:
    """The streams of a recording, with a line for each part that is damaged and left out.

    ``started_at`` is the time at which recording began, if the file says so.
    """

    path: Path
    infos: list[StreamInfo]
    damage: tuple[str, ...]
    load: Load
    started_at: datetime | None = None


def numbers_of(recorded: RecordedStreams, source_ids: Sequence[str]) -> dict[str, Numbers]:
    """Return numeric streams by source_id. Raise SessionError if one is missing or empty."""
    streams = {stream.source_id: stream for stream in recorded.infos}
    empty = [name for name in source_ids if name not in streams or not streams[name].n_samples]
    if empty:
        raise SessionError(
            f"{recorded.path}: no samples of {', '.join(empty)}; it holds "
            f"{', '.join(streams) or 'no stream'}"
        )
    try:
        samples, _ = recorded.load([streams[name] for name in source_ids])
    except SessionError as error:
        raise SessionError(f"{recorded.path}: {error}") from error
    return {name: _numbers(streams[name], samples[streams[name].number]) for name in source_ids}


def _numbers(stream: StreamInfo, samples: Samples) -> Numbers:
    """Return the samples of a numeric stream, in cm where its unit is known."""
    return Numbers(
        labels=stream.labels,
        rate_hz=stream.rate_hz,
        stamps_ns=samples.stamps_ns,
        values=np.asarray(samples.values, dtype=np.float64) * (stream.cm_per_unit or 1.0),
    )


def checked_ns(stamps_s: FloatArray) -> Int64Array:
    """Return stamps as integers. Raise SessionError if no clock can have them."""
    if not (np.abs(stamps_s) < _LARGEST_S).all():
        raise SessionError(
            f"time stamps beyond {_LARGEST_S:,.0f} s, which no clock shows: the recording is "
            "damaged, get an intact copy"
        )
    return ns_array_from_s(np.asarray(stamps_s, dtype=np.float64))


def moment_of(text: str) -> datetime | None:
    """Return the moment that an ISO 8601 text names, in local time; None if it names none."""
    try:
        return datetime.fromisoformat(text.strip()).astimezone()
    except (ValueError, OverflowError, OSError):
        return None
