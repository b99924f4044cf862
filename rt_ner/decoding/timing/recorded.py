"""Time the samples of a recorded stream by the live decoder's own model, and lose none of them."""

from collections.abc import Iterator

import numpy as np

from rt_ner.core.arrays import BoolArray, Int64Array
from rt_ner.core.clock import NEVER_NS, NS_PER_S
from rt_ner.core.contract.input_counts import empty_input_counts
from rt_ner.decoding.binning.raster import CLOCK_STEP_NS
from rt_ner.decoding.chunks import RasterChunk
from rt_ner.decoding.input.settings import Stamps
from rt_ner.decoding.timing.timed_binner import TimedBinner

# If smoothing began so early, in ns, the stamps before it were uneven too.
_START_NS = 2.0 * NS_PER_S
# Neighbours whose distance is off by no more of a period have no sample missing between them.
_OFF_PERIODS = 0.5


def sample_times_ns(stamp_ns: Int64Array, period_ns: float) -> Int64Array:
    """Return the time of each sample of a regular stream ``(sample,)`` in ns.

    Even stamps are returned as they are. Uneven ones are smoothed as live. The samples for which
    the live decoder knows no time, because it has just begun to smooth or because a stamp was far
    off, are counted back from the next one that it knows, or on from the one before. `NEVER_NS`
    stands for those that fit nowhere.

    Raises StreamError if the stamps can't be times in seconds.
    """
    times = _Times(stamp_ns.size)
    timed = TimedBinner(times, period_ns, CLOCK_STEP_NS, Stamps.AUTO)
    number = np.arange(stamp_ns.size)[:, None]
    for _ in timed.push(RasterChunk(stamp_ns, number)):
        pass
    return _filled(times.time_ns, period_ns)


class _Times:
    """A binner that counts nothing, but keeps the time of each sample; its value is its number."""

    invalid = False
    is_partial = False
    newest_ns = NEVER_NS

    def __init__(self, n_samples: int) -> None:
        self.time_ns = np.full(n_samples, NEVER_NS, dtype=np.int64)
        self.counts = np.zeros(0, dtype=np.float32)
        self.input_counts = empty_input_counts()

    def push(self, chunk: RasterChunk) -> Iterator[int]:
        self.time_ns[chunk.counts[:, 0]] = chunk.stamp_ns
        yield from ()

    def due_ns(self, now_ns: int) -> int:
        return now_ns

    def reset(self, now_ns: int) -> None:
        """Do nothing: no hop is open."""

    def restart(self, now_ns: int) -> None:
        """Do nothing: no hop is open."""

    def warm_up_as(self, dtype: np.dtype[np.generic]) -> None:
        """Do nothing: nothing is compiled."""


def _filled(time_ns: Int64Array, period_ns: float) -> Int64Array:
    """Return the times with those of unknown samples filled in from their neighbours'."""
    known = time_ns != NEVER_NS
    if known.all() or not known.any():
        return time_ns
    first_run = next(_runs(~known))
    if first_run[0] * period_ns < _START_NS and first_run[1] < time_ns.size:
        known[: first_run[1]] = False
    filled = np.where(known, time_ns, NEVER_NS)
    for first, last in _runs(~known):
        n = np.arange(last - first)
        before = filled[first - 1] if first else NEVER_NS
        if last < time_ns.size:
            back_ns = time_ns[last] - np.rint((n[::-1] + 1) * period_ns).astype(np.int64)
            fits = back_ns > before + (1 - _OFF_PERIODS) * period_ns
            filled[first:last][fits] = back_ns[fits]
        else:
            filled[first:last] = before + np.rint((n + 1) * period_ns).astype(np.int64)
    return filled


def _runs(flags: BoolArray) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each run of true flags."""
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
