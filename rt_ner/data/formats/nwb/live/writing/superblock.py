"""Keep the first bytes of a growing HDF5 file so that any program can open it at any time.

HDF5 marks a file that is being written, and refuses to open it once its writer has been killed,
although all that was flushed is intact: SWMR (single writer, multiple readers) orders the writes so
that it is. Only the mark and the stated size stand in the way. Both are in the superblock, which
HDF5 does not write again until it closes the file.
"""

import os
import struct
from pathlib import Path

# Signature, version 3, size of offsets and lengths, marks, and four addresses, of which the third
# is the end of the file; then a checksum.
_MARKS_AT, _END_AT, _CHECKED, _SUPERBLOCK_BYTES = 11, 28, 44, 48
_SIGNATURE, _VERSION = b"\x89HDF\r\n\x1a\n", 3
_WORD = 0xFFFFFFFF


def make_openable(path: Path, n_bytes: int) -> None:
    """Remove the mark of a file that is being written, and let it be ``n_bytes`` long.

    The file must have been made with version 3 of the superblock. It grows, but never shrinks.
    """
    with path.open("r+b") as file:
        head = bytearray(file.read(_SUPERBLOCK_BYTES))
        if head[: len(_SIGNATURE)] != _SIGNATURE or head[len(_SIGNATURE)] != _VERSION:
            raise ValueError(f"{path}: expected an HDF5 file with version 3 of the superblock")
        n_bytes = max(n_bytes, file.seek(0, os.SEEK_END))
        # First the bytes, then the statement that they are there.
        file.truncate(n_bytes)
        head[_MARKS_AT] = 0
        struct.pack_into("<Q", head, _END_AT, n_bytes)
        struct.pack_into("<I", head, _CHECKED, checksum(bytes(head[:_CHECKED])))
        file.seek(0)
        file.write(head)


def trim(path: Path) -> None:
    """Cut off a complete file where it states its end."""
    with path.open("r+b") as file:
        (n_bytes,) = struct.unpack_from("<Q", file.read(_SUPERBLOCK_BYTES), _END_AT)
        if n_bytes < file.seek(0, os.SEEK_END):
            file.truncate(n_bytes)


def checksum(content: bytes) -> int:
    """Return HDF5's checksum of some bytes: Bob Jenkins's lookup3, ``hashlittle``."""
    a = b = c = (0xDEADBEEF + len(content)) & _WORD
    while len(content) > 12:
        x, y, z = struct.unpack_from("<3I", content)
        a, b, c = _mixed((a + x) & _WORD, (b + y) & _WORD, (c + z) & _WORD)
        content = content[12:]
    if not content:
        return c
    x, y, z = struct.unpack("<3I", content.ljust(12, b"\0"))
    return _final((a + x) & _WORD, (b + y) & _WORD, (c + z) & _WORD)


def _mixed(a: int, b: int, c: int) -> tuple[int, int, int]:
    for n_bits in (4, 6, 8, 16, 19, 4):
        a = ((a - c) & _WORD) ^ _turned(c, n_bits)
        a, b, c = b, (c + b) & _WORD, a
    return a, b, c


def _final(a: int, b: int, c: int) -> int:
    for n_bits in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - _turned(b, n_bits)) & _WORD
        a, b, c = b, c, a
    return b


def _turned(value: int, n_bits: int) -> int:
    """Return 32 bits, rotated to the left."""
    return ((value << n_bits) | (value >> (32 - n_bits))) & _WORD
