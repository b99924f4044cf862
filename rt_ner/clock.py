"""Time: int64 nanoseconds inside, LSL's float seconds only at the wire.

Every grid (bins, hops, samples) has its lines at whole multiples of its step, counted from
zero of the clock in use, so that all parts of the system agree on where a bin begins.
"""

from typing import TypeVar

import numpy as np

from rt_ner.arrays import FloatArray, Int64Array

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000

_Time = TypeVar("_Time", int, Int64Array)


def ns_from_s(time_s: float) -> int:
    """Nearest nanosecond of a time in seconds.

    LSL stamps count from the start of the machine; a float64 holds them to a nanosecond or
    better for 97 days, which is why nothing inside ever adds or compares float seconds.
    """
    return round(time_s * NS_PER_S)


def ns_from_ms(time_ms: float) -> int:
    """Nearest nanosecond of a time in milliseconds."""
    return round(time_ms * NS_PER_MS)


def s_from_ns(time_ns: int) -> float:
    """Seconds, as LSL stamps want them."""
    return time_ns / NS_PER_S


def ns_array_from_s(times_s: FloatArray) -> Int64Array:
    """Nearest nanoseconds of times in seconds, any shape."""
    return np.rint(times_s * NS_PER_S).astype(np.int64)


def next_grid_line_ns(time_ns: int, step_ns: int) -> int:
    """First multiple of ``step_ns`` that is not before ``time_ns``."""
    return -(-time_ns // step_ns) * step_ns


def nearest_grid_line_ns(time_ns: _Time, step_ns: int) -> _Time:
    """Multiple of ``step_ns`` closest to ``time_ns``: undoes the rounding of a float stamp."""
    return (time_ns + step_ns // 2) // step_ns * step_ns
