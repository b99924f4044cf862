"""Time: int64 nanoseconds inside, LSL's float seconds only at the wire.

Every grid (bins, hops, samples) has its lines at whole multiples of its step, counted from
zero of the clock in use, so that all parts of the system agree on where a bin begins.
"""

from typing import TypeVar

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
# Before and after any time there is, and far enough from int64's ends to be added to.
NEVER_NS, FOREVER_NS = -(2**62), 2**62

# One part in so many.
_SLEW = 2000

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


class ClockOffset:
    """What to add to another host's time to get ours, followed as the two drift apart.

    Estimates are noisy and come seldom, so the offset is only ever slewed (by at most 500 ppm,
    more than any quartz drifts): a sample's time never jumps by more than a fraction of a period.
    An estimate that differs by more than ``step_ns`` means that a clock was set.
    """

    def __init__(self, estimate_ns: int, now_ns: int, step_ns: int) -> None:
        self._step_ns = step_ns
        self._followed_at_ns = now_ns
        self.ns = estimate_ns

    def follow(self, estimate_ns: int, now_ns: int) -> bool:
        """Move towards a newer estimate; True if it shows a step, which is taken at once."""
        error_ns = estimate_ns - self.ns
        reach_ns = (now_ns - self._followed_at_ns) // _SLEW
        self._followed_at_ns = now_ns
        if abs(error_ns) > self._step_ns:
            self.ns = estimate_ns
            return True
        self.ns += max(-reach_ns, min(reach_ns, error_ns))
        return False
