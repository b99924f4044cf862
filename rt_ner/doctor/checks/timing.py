"""Measure how regular a stream's time stamps are, and how old its samples are on arrival."""

from dataclasses import dataclass

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_MS, NS_PER_S, ns_array_from_s

# An odd number, so that intervals of the expected length lie in the middle of a bin.
_N_BINS = 13


@dataclass(frozen=True)
class Timing:
    """Timing of a stream's samples. NaN where there are too few of them.

    ``nominal_hz`` is 0 for an irregular stream. ``n_expected`` is the number of samples at this
    rate, ``n_untimed`` the number without a time stamp. The intervals are those from one stamp to
    the next in order of arrival; ``histogram`` counts them from 0 to twice the period (twice the
    median in an irregular stream), longer ones in the last bin. ``n_duplicate`` counts samples
    whose stamp another one has, ``n_backward`` stamps that go backwards, by ``back_ms`` at most.
    ``age_ms`` is the median age of the newest sample on arrival.
    """

    nominal_hz: float
    n_samples: int
    n_expected: float
    n_untimed: int
    rate_hz: float
    p1_ms: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    n_duplicate: int
    n_backward: int
    back_ms: float
    age_ms: float
    histogram: tuple[int, ...]


def timing_of(
    stamps_s: FloatArray, arrived_s: FloatArray, nominal_hz: float, listened_s: float
) -> Timing:
    """Return the timing of samples with stamps ``(sample,)``, in order of arrival.

    ``arrived_s`` ``(sample,)`` are the times of arrival on the same clock, NaN where not known.
    ``listened_s`` is the time in which they came.
    """
    timed = np.isfinite(stamps_s)
    stamp_ns, arrived_s = ns_array_from_s(stamps_s[timed]), arrived_s[timed]
    steps_ns = np.diff(stamp_ns)
    p1_ms, p50_ms, p99_ms, max_ms = _percentiles_ms(steps_ns)
    ages_s = (arrived_s - stamps_s[timed])[np.isfinite(arrived_s)]
    expected_ms = 1000 / nominal_hz if nominal_hz else p50_ms
    return Timing(
        nominal_hz=nominal_hz,
        n_samples=len(stamps_s),
        n_expected=nominal_hz * listened_s,
        n_untimed=int(len(timed) - timed.sum()),
        rate_hz=_rate_hz(stamp_ns),
        p1_ms=p1_ms,
        p50_ms=p50_ms,
        p99_ms=p99_ms,
        max_ms=max_ms,
        n_duplicate=len(stamp_ns) - len(np.unique(stamp_ns)),
        n_backward=int((steps_ns < 0).sum()),
        back_ms=max(0.0, -float(steps_ns.min(initial=0)) / NS_PER_MS),
        age_ms=1000 * float(np.median(ages_s)) if ages_s.size else np.nan,
        histogram=_histogram(steps_ns / NS_PER_MS, expected_ms),
    )


def _rate_hz(stamp_ns: Int64Array) -> float:
    """Return the rate in samples per second by their own stamps, which a stray one can't move."""
    n_end = max(1, stamp_ns.size // 10)
    if stamp_ns.size < 2:
        return np.nan
    span_ns = float(np.median(stamp_ns[-n_end:]) - np.median(stamp_ns[:n_end]))
    return (stamp_ns.size - n_end) * NS_PER_S / span_ns if span_ns else np.nan


def _percentiles_ms(steps_ns: Int64Array) -> tuple[float, ...]:
    """Return the 1st, 50th and 99th percentile of the intervals, and the longest."""
    if not steps_ns.size:
        return (np.nan,) * 4
    return tuple(float(step) / NS_PER_MS for step in np.percentile(steps_ns, [1, 50, 99, 100]))


def _histogram(steps_ms: FloatArray, expected_ms: float) -> tuple[int, ...]:
    """Count the intervals by length."""
    if not steps_ms.size or not expected_ms > 0:
        return (0,) * _N_BINS
    bins = np.floor(steps_ms / (2 * expected_ms) * _N_BINS)
    counts = np.bincount(np.clip(bins, 0, _N_BINS - 1).astype(np.int64), minlength=_N_BINS)
    return tuple(int(count) for count in counts)
