"""Find the intact chunks of an XDF file, without trusting any length that it states.

An XDF 1.0 file (github.com/sccn/xdf) is ``XDF:`` and then chunks: a length, a tag and, for most
tags, a stream number.
"""

import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple
from xml.etree import ElementTree

import numpy as np

from rt_ner.core.arrays import Int64Array
from rt_ner.core.atomic_files import fresh_file
from rt_ner.core.errors import SessionError

MAGIC = b"XDF:"
_FILE_HEADER, HEADER, SAMPLES, _CLOCK_OFFSET, _BOUNDARY, _FOOTER = range(1, 7)
_OF_STREAM = (HEADER, SAMPLES, _CLOCK_OFFSET, _FOOTER)
# The boundary chunk (length, tag, signature), where reading resumes after damage.
_SIGNATURE = bytes.fromhex("43a546dccbf5410fb30ed546739ccbe4")
BOUNDARY = bytes([1, 18]) + struct.pack("<H", _BOUNDARY) + _SIGNATURE
_LENGTHS = {1: "<B", 4: "<I", 8: "<Q"}
_SAMPLE_BYTES = {
    "int8": 1, "int16": 2, "int32": 4, "int64": 8, "float32": 4, "double64": 8, "string": 2,
}  # fmt: skip
_MOST_CHANNELS = 65_536
_STAMP_BYTES = 8
_SCAN_BYTES = 1 << 20


class Chunk(NamedTuple):
    """Place and kind of an intact chunk."""

    begin: int
    end: int
    tag: int
    stream: int
    n_samples: int


@dataclass(repr=False)
class Contents:
    """The intact chunks of a file, its streams' headers and sample numbers, and the damage.

    ``headers`` and ``n_samples`` are by stream number; ``damage`` has one line per part left out.
    Streams whose header can't be read are ``unreadable``.
    """

    chunks: list[Chunk] = field(default_factory=list)
    headers: dict[int, ElementTree.Element] = field(default_factory=dict)
    n_samples: dict[int, int] = field(default_factory=dict)
    damage: list[str] = field(default_factory=list)
    unreadable: set[int] = field(default_factory=set)

    def of_streams(self, streams: set[int]) -> list[Chunk]:
        """Return the chunks of these streams, and those of none."""
        return [c for c in self.chunks if c.tag not in _OF_STREAM or c.stream in streams]


def scan(path: Path) -> Contents:
    """Find the intact chunks of a file. Raise SessionError if it is not XDF."""
    contents = Contents()
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise SessionError(
                "not XDF: expected a file that begins with 'XDF:', as LabRecorder writes it"
            )
        while file.tell() < size:
            begin = file.tell()
            try:
                _take(_read_chunk(file, size, contents), file, contents)
            except (ValueError, struct.error, ElementTree.ParseError) as error:
                _skip_damage(file, begin, size, f"{error}", contents)
    return contents


def salvage(path: Path, out: Path) -> Contents:
    """Copy the intact chunks of a damaged file to a new file."""
    contents = scan(path)
    if out.exists():
        raise FileExistsError(out)
    with fresh_file(out) as partial, partial.open("wb") as whole:
        whole.writelines(copied(path, contents.chunks))
    return contents


def copied(
    path: Path, chunks: Sequence[Chunk], changed: Callable[[Chunk, bytes], bytes] | None = None
) -> Iterator[bytes]:
    """Yield a file with these chunks, piece by piece; ``changed`` returns others in their place."""
    yield MAGIC
    with path.open("rb") as file:
        for chunk in chunks:
            file.seek(chunk.begin)
            content = file.read(chunk.end - chunk.begin)
            yield content if changed is None else changed(chunk, content)


def begin_text(path: Path, contents: Contents) -> str:
    """Return the date and time at which recording began, as the file states it; else empty."""
    chunk = next((one for one in contents.chunks if one.tag == _FILE_HEADER), None)
    if chunk is None:
        return ""
    with path.open("rb") as file:
        file.seek(chunk.begin)
        content = file.read(chunk.end - chunk.begin)
    found = re.search(rb"<datetime>([^<]*)</datetime>", content)
    return found[1].decode(errors="replace") if found else ""


def _read_chunk(file: BinaryIO, size: int, contents: Contents) -> Chunk:
    """Return the chunk that begins here. Raise ValueError or struct.error if there is none."""
    begin = file.tell()
    length = read_length(file)
    end = file.tell() + length
    if length < 2 or end > size:
        raise ValueError(f"a chunk of {length} bytes, of which {size - file.tell()} are left")
    (tag,) = struct.unpack("<H", file.read(2))
    if not _FILE_HEADER <= tag <= _FOOTER:
        raise ValueError(f"a chunk of kind {tag}, expected 1 to 6")
    stream = n_samples = 0
    if tag in _OF_STREAM:
        (stream,) = struct.unpack("<I", file.read(4))
        if tag != HEADER and stream not in contents.headers.keys() | contents.unreadable:
            raise ValueError(f"a chunk of stream {stream}, which has no header")
    if tag == SAMPLES and stream not in contents.unreadable:
        n_samples = _checked_samples(file, end, contents.headers[stream])
    return Chunk(begin, end, tag, stream, n_samples)


def read_length(file: BinaryIO) -> int:
    """Return a number of one, four or eight bytes; its size comes first."""
    (n_bytes,) = file.read(1)
    if n_bytes not in _LENGTHS:
        raise ValueError(f"a length of {n_bytes} bytes, expected 1, 4 or 8")
    (length,) = struct.unpack(_LENGTHS[n_bytes], file.read(n_bytes))
    return int(length)


def _checked_samples(file: BinaryIO, end: int, header: ElementTree.Element) -> int:
    """Return the number of samples in a chunk. Raise ValueError if they don't fit into it."""
    n_samples = read_length(file)
    n_channels, value_bytes, is_text = _sample_shape(header)
    room = end - file.tell()
    if n_samples * (1 + n_channels * value_bytes) > room:
        raise ValueError(f"{n_samples} samples in a chunk of {room} bytes")
    is_whole = is_text or (
        sample_starts(file.read(room), n_samples, n_channels * value_bytes) is not None
    )
    if not is_whole:
        raise ValueError(f"{n_samples} samples that don't fill their chunk")
    return n_samples


def sample_starts(samples: bytes, n_samples: int, value_bytes: int) -> Int64Array | None:
    """Return where each sample begins: a byte, a stamp of 8 bytes or none, and its values.

    None if the samples don't fill their chunk.
    """
    content = np.frombuffer(samples, dtype=np.uint8)
    for n_stamp in (_STAMP_BYTES, 0):
        step = 1 + n_stamp + value_bytes
        if len(samples) == n_samples * step and (content[::step] == n_stamp).all():
            return np.arange(n_samples) * step
    starts, at = np.zeros(n_samples, dtype=np.int64), 0
    for sample in range(n_samples):
        n_stamp = samples[at] if at < len(samples) else -1
        if n_stamp not in (0, _STAMP_BYTES):
            return None
        starts[sample] = at
        at += 1 + n_stamp + value_bytes
    return starts if at == len(samples) else None


def _sample_shape(header: ElementTree.Element) -> tuple[int, int, bool]:
    """Return the number of channels, the fewest bytes of a value, and True for text."""
    value_format = header.findtext("channel_format", "")
    n_channels = int(header.findtext("channel_count", ""))
    if value_format not in _SAMPLE_BYTES or not 0 < n_channels <= _MOST_CHANNELS:
        raise ValueError(f"a stream of {n_channels} channels of format '{value_format}'")
    return n_channels, _SAMPLE_BYTES[value_format], value_format == "string"


def _take(chunk: Chunk, file: BinaryIO, contents: Contents) -> None:
    """Add a chunk to the contents and move past it."""
    if chunk.tag == HEADER:
        _take_header(chunk.stream, file.read(chunk.end - file.tell()), contents)
    file.seek(chunk.end)
    if chunk.tag in _OF_STREAM and chunk.stream in contents.unreadable:
        return
    contents.chunks.append(chunk)
    so_far = contents.n_samples.get(chunk.stream, 0)
    contents.n_samples[chunk.stream] = so_far + chunk.n_samples


def _take_header(stream: int, content: bytes, contents: Contents) -> None:
    """Add a stream's header to the contents; if it can't be read, leave out that stream alone."""
    try:
        header = ElementTree.fromstring(content)  # noqa: S314 - expat ≥ 2.4
        _sample_shape(header)
        float(header.findtext("nominal_srate", ""))
    except (ValueError, ElementTree.ParseError) as error:
        name = re.search(rb"<name>([^<]*)</name>", content)
        called = f" '{name[1].decode(errors='replace')}'" if name else ""
        contents.unreadable.add(stream)
        contents.damage.append(
            f"stream {stream}{called} is left out: its header can't be read ({error})"
        )
        return
    contents.headers[stream] = header


def _skip_damage(file: BinaryIO, begin: int, size: int, reason: str, contents: Contents) -> None:
    """Move to the next boundary chunk, or to the end, and note the damage."""
    file.seek(begin)
    following = _next_boundary(file, size)
    contents.damage.append(
        f"{reason or 'nothing intact'} at byte {begin:,}: {following - begin:,} bytes left out"
    )
    file.seek(following)


def _next_boundary(file: BinaryIO, size: int) -> int:
    """Return where the next boundary chunk begins, after the current byte; or the end."""
    at, kept = file.tell() + 1, b""
    file.seek(at)
    while block := file.read(_SCAN_BYTES):
        kept += block
        if (found := kept.find(BOUNDARY)) >= 0:
            return at + found
        at += max(len(kept) - len(BOUNDARY), 0)
        kept = kept[-len(BOUNDARY) :]
    return size
