"""MATLAB files with objects, built byte by byte from the format's specification."""

import struct

import numpy as np

# The numbers that stand for an object: a mark, two dimensions of 1, and references.
_OBJECT = np.array([[0xDD000000, 2, 1, 1, 1, 1]], dtype=np.uint32)
_COUNTS = np.arange(200.0).reshape(20, 10)


def _element(kind: int, content: bytes) -> bytes:
    return struct.pack("<II", kind, len(content)) + content + b"\0" * (-len(content) % 8)


V5, V73 = 0x0100, 0x0200


def header(version: int) -> bytes:
    """The 128 bytes that every file of version 5 or 7.3 begins with."""
    return b"MATLAB MAT-file".ljust(116) + bytes(8) + struct.pack("<H2s", version, b"IM")


def _matrix(name: str, values: np.ndarray) -> bytes:
    of_class, of_data = (6, 9) if values.dtype == np.float64 else (13, 6)
    return _element(
        14,
        _element(6, struct.pack("<II", of_class, 0))
        + _element(5, struct.pack("<2i", *values.shape))
        + _element(1, name.encode())
        + _element(of_data, values.tobytes("F")),
    )


def version_5(name: str, kind: str) -> bytes:
    """Return a file of counts ``(20, 10)`` and an object of a class."""
    flags = _element(6, struct.pack("<II", 17, 0))
    texts = [_element(1, text.encode()) for text in (name, "MCOS", kind)]
    of_class = _element(14, flags + b"".join(texts) + _matrix("", _OBJECT.T))
    return header(V5) + _matrix("counts", _COUNTS) + of_class


def version_73(name: str, kind: str) -> bytes:
    """Return the same file in MATLAB's version 7.3, which is HDF5 after a header."""
    import io

    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=512) as file:
        file["counts"] = _COUNTS.T
        file["counts"].attrs["MATLAB_class"] = np.bytes_("double")
        file[name] = _OBJECT.T
        file[name].attrs["MATLAB_class"] = np.bytes_(kind)
        file[name].attrs["MATLAB_object_decode"] = np.int32(3)
        file.create_group("#subsystem#")["MCOS"] = np.zeros(3, dtype=np.uint32)
    return header(V73) + buffer.getvalue()[128:]
