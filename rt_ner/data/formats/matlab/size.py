"""MATLAB size: how much memory a MATLAB file's contents ask for, found out before they are read.

A small file can state, or unpack to, more than any computer holds.
"""

import struct
import zlib
from math import prod
from pathlib import Path
from typing import BinaryIO

import h5py

from rt_ner.core.errors import SessionError
from rt_ner.data.formats.nwb.hdf5_trial import check_survivable

_MOST_BYTES = 2_000_000_000
_PIECE_BYTES = 1 << 16
_UNPACK_BYTES = 1 << 20
# Of version 5: the place of the mark of byte order, and the type of a packed element.
_ORDER_AT, _PACKED = 126, 15


def check_size(path: Path) -> None:
    """SessionError if reading the file would take more memory than any recording should."""
    if h5py.is_hdf5(path):
        check_survivable(path)
        n_bytes = _stated_bytes(path)
    else:
        n_bytes = _unpacked_bytes(path)
    if n_bytes > _MOST_BYTES:
        raise SessionError(
            f"its contents take {n_bytes / 1e9:.1f} GB or more, expected at most "
            f"{_MOST_BYTES / 1e9:g} GB: cut it into sessions first"
        )


def _stated_bytes(path: Path) -> int:
    """Version 7.3 is HDF5: what all arrays together say that they hold."""
    total = 0

    def add(_name: str, item: object) -> None:
        nonlocal total
        if isinstance(item, h5py.Dataset):
            total += prod(item.shape or ()) * item.dtype.itemsize

    with h5py.File(path, "r") as file:
        file.visititems(add)
    return total


def _unpacked_bytes(path: Path) -> int:
    """Version 5: what its elements hold, unpacked piece by piece and thrown away."""
    total = 0
    with path.open("rb") as file:
        file.seek(_ORDER_AT)
        order = ">" if file.read(2) == b"MI" else "<"
        while len(tag := file.read(8)) == 8 and total <= _MOST_BYTES:
            kind, n_bytes = struct.unpack(f"{order}II", tag)
            if kind == _PACKED:
                total += _unpacked_element(file, n_bytes, _MOST_BYTES - total)
            else:
                file.seek(n_bytes, 1)
    return total + path.stat().st_size


def _unpacked_element(file: BinaryIO, n_bytes: int, enough: int) -> int:
    """Bytes of one element, or a number above ``enough``; what can't be unpacked counts not."""
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
