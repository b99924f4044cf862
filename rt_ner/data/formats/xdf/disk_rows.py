"""Numbers in an XDF file, such as voltage, that stay on the disk until they are needed."""

import io
import struct
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree

import numpy as np

from rt_ner.core.arrays import AnyArray, Int64Array
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.streams.stream_info import StreamInfo
from rt_ner.data.formats.xdf.chunks import HEADER, SAMPLES, Chunk, read_length, sample_starts

_TAG_AND_STREAM = struct.Struct("<HI")


class DiskRows:
    """The values ``(sample, channel)`` of one stream, read slice by slice."""

    def __init__(self, path: Path, info: StreamInfo, chunks: Sequence[Chunk]) -> None:
        self._path = path
        self._dtype = info.dtype.newbyteorder("<")
        self._n_channels = info.n_channels
        own = [one for one in chunks if one.tag == SAMPLES and one.stream == info.number]
        self._chunks = [one for one in own if one.n_samples]
        self._ends = np.cumsum([one.n_samples for one in self._chunks])

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def __getitem__(self, rows: slice) -> AnyArray:
        begin, end, _ = rows.indices(len(self))
        first, last = np.searchsorted(self._ends, [begin, end - 1], side="right")
        chunks = self._chunks[first : last + 1] if end > begin else []
        with self._path.open("rb") as file:
            parts = [self._values(file, chunk) for chunk in chunks]
        skipped = begin - (int(self._ends[first - 1]) if first else 0)
        whole = np.concatenate([np.zeros((0, self._n_channels), self._dtype), *parts])
        return whole[skipped : skipped + max(end - begin, 0)]

    def __array__(self, dtype: object = None, copy: object = None) -> AnyArray:
        return self[:]

    def _values(self, file: BinaryIO, chunk: Chunk) -> AnyArray:
        """Return the values of a chunk."""
        file.seek(chunk.begin)
        samples = _samples(file, chunk.end)
        row_bytes = self._n_channels * self._dtype.itemsize
        starts = _starts(samples, chunk.n_samples, row_bytes)
        content = np.frombuffer(samples, dtype=np.uint8)
        begins = np.append(starts[1:], len(content)) - row_bytes
        rows = content[begins[:, None] + np.arange(row_bytes)]
        values: AnyArray = rows.view(self._dtype)
        return values


def without_values(info: StreamInfo, chunk: Chunk, content: bytes) -> bytes:
    """Return a chunk of the stream as one of a stream with a single zero per sample."""
    if chunk.tag == HEADER:
        header = deepcopy(info.header)
        for name, text in (("channel_count", "1"), ("channel_format", "int8")):
            for element in header.iterfind(name):
                element.text = text
        return _chunk(chunk, ElementTree.tostring(header))
    if chunk.tag != SAMPLES:
        return content
    samples = _samples(io.BytesIO(content), len(content))
    row_bytes = info.n_channels * info.dtype.itemsize
    starts = _starts(samples, chunk.n_samples, row_bytes)
    ends = np.append(starts[1:], len(samples)) - row_bytes
    stamps = (samples[start:end] for start, end in zip(starts, ends, strict=True))
    count = bytes([4]) + struct.pack("<I", chunk.n_samples)
    return _chunk(chunk, count + b"".join(stamp + b"\0" for stamp in stamps))


def _chunk(chunk: Chunk, content: bytes) -> bytes:
    """Return a chunk of the same kind with other content."""
    body = _TAG_AND_STREAM.pack(chunk.tag, chunk.stream) + content
    return bytes([8]) + struct.pack("<Q", len(body)) + body


def _samples(file: BinaryIO, end: int) -> bytes:
    """Return the samples of the chunk that begins here."""
    read_length(file)
    file.read(_TAG_AND_STREAM.size)
    read_length(file)
    return file.read(end - file.tell())


def _starts(samples: bytes, n_samples: int, row_bytes: int) -> Int64Array:
    """Return where each sample begins. Raise SessionError if the file has changed."""
    starts = sample_starts(samples, n_samples, row_bytes)
    if starts is None:
        raise SessionError("the file changed while it was read: read it again once it is complete")
    return starts
