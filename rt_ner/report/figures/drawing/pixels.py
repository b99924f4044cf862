"""Draw a matrix as a picture, one pixel per value."""

import base64
import struct
import zlib

import numpy as np

from rt_ner.core.arrays import AnyArray, FloatArray

# Dark blue to yellow, evenly brighter; the last one is for values that are not known.
_STOPS = np.array([[24, 24, 60], [33, 84, 128], [32, 146, 140], [122, 200, 90], [250, 230, 70]])
_UNKNOWN = np.array([225, 228, 232])


def picture(values: FloatArray, largest: float) -> str:
    """Return a picture of values ``(row, column)`` as the address that an image takes.

    ``largest`` has the brightest colour, 0 the darkest.
    """
    scaled = np.nan_to_num(values / largest if largest > 0 else values * 0).clip(0, 1)
    at = scaled * (len(_STOPS) - 1)
    colours = np.stack([np.interp(at, range(len(_STOPS)), stop) for stop in _STOPS.T], axis=-1)
    colours[~np.isfinite(values)] = _UNKNOWN
    content = base64.b64encode(_png(np.rint(colours).astype(np.uint8))).decode("ascii")
    return f"data:image/png;base64,{content}"


def _png(pixels: AnyArray) -> bytes:
    """Return pixels ``(row, column, 3)`` as PNG."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
