"""NWB recordings, written as they are live, with the streams of another recording."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from rt_ner.core.arrays import AnyArray
from rt_ner.data.formats.nwb.live.writing.skeleton import RecordingHeader
from rt_ner.data.formats.nwb.live.writing.writer import LiveWriter
from rt_ner.data.formats.streams.samples import RecordedStreams, Samples
from rt_ner.data.formats.streams.stream_info import StreamInfo

HEADER = RecordingHeader("M", datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))


def writer(path: Path, infos: Sequence[StreamInfo]) -> LiveWriter:
    return LiveWriter(path, HEADER, infos)


def values_of(samples: Samples, info: StreamInfo) -> AnyArray:
    """Values as LSL gives them: texts as bytes."""
    if info.format != "string":
        return np.asarray(samples.values)
    rows = [[text.encode() for text in row] for row in samples.values]
    return np.array(rows, dtype=object).reshape(len(rows), info.n_channels)


def write_live(recorded: RecordedStreams, path: Path, n_pieces: int = 5) -> None:
    """Write all streams of a recording, piece by piece."""
    samples, _ = recorded.load(recorded.infos)
    with writer(path, recorded.infos) as file:
        for piece in range(n_pieces):
            for number, info in enumerate(recorded.infos):
                stamps = samples[info.number].stamps_ns
                edges = np.linspace(0, len(stamps), n_pieces + 1).astype(int)
                part = slice(edges[piece], edges[piece + 1])
                values = values_of(samples[info.number], info)
                file.append(number, stamps[part] / 1e9, values[part])
            file.flush()
