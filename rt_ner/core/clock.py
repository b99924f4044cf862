"""Convert times: int64 nanoseconds inside, LSL's float seconds only at the wire.

Every grid (bins, hops, samples) has its lines at whole multiples of its step, counted from
zero of the clock in use, so that all parts of the system agree on where a bin begins.
"""

from typing import TypeVar

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
# Earlier and later than any real time, yet far enough from int64's ends to be added to.
NEVER_NS, FOREVER_NS = -(2**62), 2**62

# An offset moves by at most one part in this many: 500 ppm.
_SLEW = 2000

_Time = TypeVar("_Time", int, Int64Array)


def ns_from_s(time_s: float) -> int:
    """Return the nearest nanosecond of a time in seconds.

    LSL stamps count from the start of the machine. A float64 holds them to a nanosecond or
    better for only 97 days, so nothing inside ever adds or compares float seconds.
    """
    return round(time_s * NS_PER_S)


def ns_from_ms(time_ms: float) -> int:
    """Return the nearest nanosecond of a time in milliseconds."""
    return round(time_ms * NS_PER_MS)


def s_from_ns(time_ns: int) -> float:
    """Return a time in seconds, as in LSL's time stamps."""
    return time_ns / NS_PER_S


def ns_array_from_s(times_s: FloatArray) -> Int64Array:
    """Return the nearest nanoseconds of times in seconds, of any shape."""
    return np.rint(times_s * NS_PER_S).astype(np.int64)


def next_grid_line_ns(time_ns: int, step_ns: int) -> int:
    """Return the first multiple of ``step_ns`` that is not before ``time_ns``."""
    return -(-time_ns // step_ns) * step_ns


def nearest_grid_line_ns(time_ns: _Time, step_ns: int) -> _Time:
    """Return the closest multiple of ``step_ns``, which undoes the rounding of a float stamp."""
    return (time_ns + step_ns // 2) // step_ns * step_ns


class ClockOffset:
    """The offset from another host's clock to the local one, followed as the two drift apart.

    Estimates are rare and noisy, so the offset is only slewed (by at most 500 ppm, more than any
    quartz drifts) and a sample's time never jumps by more than a fraction of a period. An
    estimate that differs by more than ``step_ns`` means that one of the clocks was set.
    """

    def __init__(self, estimate_ns: int, now_ns: int, step_ns: int) -> None:
        self._step_ns = step_ns
        self._followed_at_ns = now_ns
        self.ns = estimate_ns

    def follow(self, estimate_ns: int, now_ns: int) -> bool:
        """Move towards a newer estimate; return True if a clock was set, after jumping to it."""
        error_ns = estimate_ns - self.ns
        reach_ns = (now_ns - self._followed_at_ns) // _SLEW
        self._followed_at_ns = now_ns
        if abs(error_ns) > self._step_ns:
            self.ns = estimate_ns
            return True
        self.ns += max(-reach_ns, min(reach_ns, error_ns))
        return False
