"""Bring the stamps of a regular stream to a line, sample by sample.

Samples are counted, and a line is laid through their stamps: ``time = base + period · n + offset +
slope · n``. A sample after which the source had to wait for the next one was stamped with the least
delay, so these samples alone say where the line is. In each block they give one point, and the
medians over the newest points give the line (a Theil-Sen estimate), which stray stamps can't move.
"""

from typing import NamedTuple

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NEVER_NS, NS_PER_MS
from rt_ner.core.compiled.njit import njit

# Slots of the state: newest stamp; 1 once stamps are smoothed; samples taken; evidence that stamps
# are uneven; equal stamps in a row, and how common they have been; the stamp at the start of the
# block, and how many blocks in a row were off the scale of time; the line's base, samples on the
# line, points, and points far off.
N_SLOTS = 12
(
    NEWEST_NS, SMOOTHS, N_TAKEN, UNEVEN, N_EQUAL, EQUALS, SINCE_NS, OFF_SCALE, BASE_NS, N_ON_LINE,
    N_POINTS, N_FAR,
) = range(N_SLOTS)  # fmt: skip

# Slots of the line: delay of the newest sample; sums over the block's least delayed samples, and
# their number; the smallest delay, and its sample; offset and slope; newest time given out; seconds
# per second of the block before.
N_VALUES = 10
(
    DELAY, SUM_N, SUM_DELAY, N_LEAST, MIN_N, MIN_DELAY, OFFSET, SLOPE, OUT, SCALE,
) = range(N_VALUES)  # fmt: skip

N_KEPT_POINTS = 20
_BLOCK_NS = 400 * NS_PER_MS
# Longer pauses than any burst of a source: the line begins anew.
_PAUSE_NS = 500.0 * NS_PER_MS
# So far off the line, for two points in a row, samples were lost or a clock was set.
_SHIFT_NS = 25.0 * NS_PER_MS
# Largest error of the announced rate, and largest slew of the line.
_MAX_SLOPE, _MAX_SLEW = 0.05, 0.02
# With fewer points, the slope is not trusted fully.
_TRUSTED_POINTS = 7


class Timing(NamedTuple):
    """The sample period, in ns; the number of samples in a block; True if stamps may be smoothed.

    ``state`` ``(N_SLOTS,)``, ``line`` ``(N_VALUES,)`` and the ``points`` ``(2, N_KEPT_POINTS)``,
    sample and delay, are what is known so far.
    """

    period_ns: float
    n_block: int
    may_smooth: bool
    state: Int64Array
    line: FloatArray
    points: FloatArray


def new_timing(period_ns: float, may_smooth: bool, smooths: bool) -> Timing:
    """Return a timing that knows nothing yet; ``smooths``: True to smooth from the start."""
    timing = Timing(
        period_ns,
        max(2, round(_BLOCK_NS / period_ns)),
        may_smooth,
        np.zeros(N_SLOTS, dtype=np.int64),
        np.zeros(N_VALUES),
        np.zeros((2, N_KEPT_POINTS)),
    )
    timing.state[SMOOTHS] = smooths
    forget(timing)
    return timing


@njit(cache=True)
def forget(timing: Timing) -> None:
    """Forget all stamps, for a new connection; smoothing stays on."""
    state = timing.state
    smooths = state[SMOOTHS]
    state[:] = 0
    state[SMOOTHS] = smooths
    state[NEWEST_NS] = NEVER_NS


@njit(cache=True)
def begin(stamp: int, timing: Timing) -> None:
    """Begin a line at a stamp."""
    state = timing.state
    state[BASE_NS] = stamp
    state[N_ON_LINE] = state[N_POINTS] = state[N_FAR] = 0
    _clear_block(timing.line)


@njit(cache=True)
def _clear_block(line: FloatArray) -> None:
    line[SUM_N] = line[SUM_DELAY] = line[N_LEAST] = 0.0
    line[MIN_DELAY] = np.inf


@njit(cache=True)
def time_on_line(stamp: int, timing: Timing) -> int:
    """Return the time of a sample by the line; NEVER_NS while it is not known."""
    state, line, period_ns = timing.state, timing.line, timing.period_ns
    step = stamp - state[NEWEST_NS]
    is_first = state[N_ON_LINE] == 0 and state[N_POINTS] == 0
    if is_first or abs(step - period_ns) > _PAUSE_NS:
        begin(stamp, timing)
    elif state[N_ON_LINE] > 0 and step > period_ns:
        # The source waited before this sample: the one before it was least delayed.
        line[SUM_N] += state[N_ON_LINE] - 1
        line[SUM_DELAY] += line[DELAY]
        line[N_LEAST] += 1
    n = state[N_ON_LINE]
    line[DELAY] = stamp - state[BASE_NS] - n * period_ns
    if line[DELAY] < line[MIN_DELAY]:
        line[MIN_DELAY], line[MIN_N] = line[DELAY], n
    state[N_ON_LINE] = n + 1
    if state[N_ON_LINE] % timing.n_block == 0:
        _close_block(timing)
    if state[N_POINTS] == 0:
        return NEVER_NS
    _advance(n, timing)
    return int(state[BASE_NS] + np.int64(np.rint(line[OUT])))


@njit(cache=True)
def _advance(n: int, timing: Timing) -> None:
    """Move the time given out by a period, and towards the line by no more than the slew."""
    line, period_ns = timing.line, timing.period_ns
    target_ns = _target(n, timing)
    if np.isnan(line[OUT]):
        line[OUT] = target_ns
        return
    line[OUT] += period_ns * (1.0 + line[SLOPE])
    reach_ns = _MAX_SLEW * period_ns
    line[OUT] += max(-reach_ns, min(reach_ns, target_ns - line[OUT]))


@njit(cache=True)
def _target(n: float, timing: Timing) -> float:
    """Return where the line has sample ``n``, in ns from its base."""
    line = timing.line
    return float(timing.period_ns * (1.0 + line[SLOPE]) * n + line[OFFSET])


@njit(cache=True)
def _close_block(timing: Timing) -> None:
    """Make a point of the block's least delayed samples, and lay the line anew."""
    state, line, points = timing.state, timing.line, timing.points
    n, delay = line[MIN_N], line[MIN_DELAY]
    if line[N_LEAST] > 0:
        n, delay = line[SUM_N] / line[N_LEAST], line[SUM_DELAY] / line[N_LEAST]
    _clear_block(line)
    off_ns = delay - line[OFFSET] - timing.period_ns * line[SLOPE] * n
    if state[N_POINTS] == 0:
        line[OUT], line[SLOPE], off_ns = np.nan, 0.0, 0.0
    state[N_FAR] = state[N_FAR] + 1 if abs(off_ns) > _SHIFT_NS else 0
    if state[N_FAR] == 2:
        # The newest point was as far off as this one: what was known of before moves there.
        state[N_FAR] = 0
        points[1, : min(state[N_POINTS], N_KEPT_POINTS)] += off_ns
        points[1, (state[N_POINTS] - 1) % N_KEPT_POINTS] -= off_ns
    points[:, state[N_POINTS] % N_KEPT_POINTS] = n, delay
    state[N_POINTS] += 1
    _lay_line(timing)
    if off_ns > _SHIFT_NS and state[N_FAR] == 0:
        line[OUT] = np.nan


@njit(cache=True)
def _lay_line(timing: Timing) -> None:
    """Lay the line through the points: the median of the slopes, then that of the offsets."""
    state, line, period_ns = timing.state, timing.line, timing.period_ns
    n_points = min(state[N_POINTS], N_KEPT_POINTS)
    order = np.argsort(timing.points[0, :n_points])
    n, delay = timing.points[0, :n_points][order], timing.points[1, :n_points][order]
    if n_points > 1:
        half = n_points // 2
        slopes = (delay[half:] - delay[: n_points - half]) / (n[half:] - n[: n_points - half])
        trust = min(1.0, (n_points - 1) / (_TRUSTED_POINTS - 1))
        slope = trust * np.median(slopes) / period_ns
        line[SLOPE] = max(-_MAX_SLOPE, min(_MAX_SLOPE, slope))
    line[OFFSET] = np.median(delay - period_ns * line[SLOPE] * n)
