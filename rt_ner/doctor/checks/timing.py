"""Timing: how regularly the samples of a stream are stamped, and how old they are on arrival."""

from dataclasses import dataclass

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_MS, NS_PER_S, ns_array_from_s

# An odd number, so that intervals as long as expected lie in the middle of a bin.
_N_BINS = 13


@dataclass(frozen=True)
class Timing:
    """What the stamps of some samples tell. NaN where there are too few to tell.

    ``nominal_hz``: 0 of an irregular stream. ``n_expected``: samples at this rate. The intervals
    are those between one stamp and the next, as they came; ``histogram`` counts them from 0 to
    twice the period (of an irregular stream: the median), longer ones in its last bin.
    ``n_duplicate``: samples whose stamp another one had already. ``n_backward``: stamps that ran
    back, by ``back_ms`` at most. ``n_untimed``: samples with no time at all. ``age_ms``: the
    median, on arrival, of the newest sample's age.
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
    """Timing of samples stamped ``(sample,)``, in the order in which they came.

    ``arrived_s``: ``(sample,)``, when each was received, on the same clock; NaN where that was
    not seen. ``listened_s``: in how long they came.
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
    """Samples a second of their own time."""
    span_ns = int(np.ptp(stamp_ns)) if stamp_ns.size else 0
    return (stamp_ns.size - 1) * NS_PER_S / span_ns if span_ns else np.nan


def _percentiles_ms(steps_ns: Int64Array) -> tuple[float, ...]:
    """The 1st, 50th and 99th percentile of some intervals, and the longest."""
    if not steps_ns.size:
        return (np.nan,) * 4
    return tuple(float(step) / NS_PER_MS for step in np.percentile(steps_ns, [1, 50, 99, 100]))


def _histogram(steps_ms: FloatArray, expected_ms: float) -> tuple[int, ...]:
    """How many intervals are how long."""
    if not steps_ms.size or not expected_ms > 0:
        return (0,) * _N_BINS
    bins = np.floor(steps_ms / (2 * expected_ms) * _N_BINS)
    counts = np.bincount(np.clip(bins, 0, _N_BINS - 1).astype(np.int64), minlength=_N_BINS)
    return tuple(int(count) for count in counts)
