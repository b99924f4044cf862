"""Find out how much memory a MATLAB file's contents need, before they are read.

A small file can state, or unpack to, more than any computer holds.
"""

import struct
import zlib
from math import prod
from pathlib import Path
from typing import BinaryIO

import h5py

from rt_ner.core.errors import SessionError

_MOST_BYTES = 2_000_000_000
_PIECE_BYTES = 1 << 16
_UNPACK_BYTES = 1 << 20
# Version 5: position of the byte-order mark, and type number of a compressed element.
_ORDER_AT, _COMPRESSED = 126, 15


def check_size(path: Path) -> None:
    """Raise SessionError if the file needs more memory than a recording should."""
    n_bytes = _stated_bytes(path) if h5py.is_hdf5(path) else _unpacked_bytes(path)
    if n_bytes > _MOST_BYTES:
        raise SessionError(
            f"its contents take {n_bytes / 1e9:.1f} GB or more, expected at most "
            f"{_MOST_BYTES / 1e9:g} GB: split it into sessions first"
        )


def _stated_bytes(path: Path) -> int:
    """Return the stated size of all arrays in a version 7.3 file, which is HDF5."""
    total = 0

    def add(_name: str, item: object) -> None:
        nonlocal total
        if isinstance(item, h5py.Dataset):
            total += prod(item.shape or ()) * item.dtype.itemsize

    with h5py.File(path, "r") as file:
        file.visititems(add)
    return total


def _unpacked_bytes(path: Path) -> int:
    """Return the unpacked size of a version 5 file, unpacking it piece by piece."""
    total = 0
    with path.open("rb") as file:
        file.seek(_ORDER_AT)
        order = ">" if file.read(2) == b"MI" else "<"
        while len(tag := file.read(8)) == 8 and total <= _MOST_BYTES:
            kind, n_bytes = struct.unpack(f"{order}II", tag)
            if kind == _COMPRESSED:
                total += _unpacked_element(file, n_bytes, _MOST_BYTES - total)
            else:
                file.seek(n_bytes, 1)
    return total + path.stat().st_size


def _unpacked_element(file: BinaryIO, n_bytes: int, enough: int) -> int:
    """Return the unpacked size of an element, as far as it can be unpacked.

    Stop at a size above ``enough``.
    """
    unpacker, total = zlib.decompressobj(), 0
    while n_bytes > 0 and (packed := file.read(min(n_bytes, _PIECE_BYTES))):
        n_bytes -= len(packed)
        while packed:
            try:
                total += len(unpacker.decompress(packed, _UNPACK_BYTES))
            except zlib.error:
                return total
            if total > enough:
                return total
            packed = unpacker.unconsumed_tail
    return total
