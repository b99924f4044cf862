"""Checked access to HDF5 data, and the names that our own NWB files add to the standard."""

from typing import Any

import numpy as np

from rt_ner.core.arrays import FloatArray
from rt_ner.core.errors import SessionError

COUNTS_NAME, CHANNEL_COLUMN, UNIT_COLUMN = "spike_counts", "channel", "unit_name"
LABEL_COLUMN, DIRECTION_COLUMN, TARGET_COLUMN = "label", "direction_deg", "target_cm"
# Up to 48 days, a float64 in seconds is exact to the nanosecond.
LARGEST_S = 2.0**22
_MOST_BYTES = 2_000_000_000


def check_size(data: Any, name: str) -> None:
    """Raise SessionError if the data would not fit into memory; HDF5 may state any size."""
    n_bytes = int(np.prod(data.shape, dtype=np.float64)) * data.dtype.itemsize
    if n_bytes > _MOST_BYTES:
        raise SessionError(
            f"{name}: {n_bytes / 1e9:,.0f} GB, expected at most {_MOST_BYTES / 1e9:g} GB: split "
            "the file into sessions first"
        )


def text_of(value: Any) -> str:
    """Return a name as text; some programs store names as bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def seconds(data: Any, name: str) -> FloatArray:
    """Return times in s. Raise SessionError if they are too many, or no numbers."""
    check_size(data, name)
    if data.dtype.kind not in "fiu":
        raise SessionError(f"{name} are {data.dtype}: expected seconds as numbers")
    return np.asarray(data[:], dtype=np.float64)
