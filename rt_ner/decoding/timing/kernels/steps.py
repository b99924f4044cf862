"""Judge the steps from stamp to stamp: even, uneven, or so far off that a witness is needed."""

import numpy as np

from rt_ner.core.arrays import Int64Array
from rt_ner.core.clock import NEVER_NS, NS_PER_MS, NS_PER_S
from rt_ner.core.compiled.njit import njit
from rt_ner.decoding.timing.kernels.line import (
    EQUALS,
    N_EQUAL,
    N_POINTS,
    N_TAKEN,
    NEWEST_NS,
    OFF_SCALE,
    OFFSET,
    OUT,
    SCALE,
    SINCE_NS,
    SLOPE,
    SMOOTHS,
    UNEVEN,
    Timing,
    begin,
    time_on_line,
)

# A step of the stamps counts as a whole number of periods if it is off by less of one.
_OFF_GRID = 0.45
# So much evidence turns smoothing on; it fades with every other block.
_ENOUGH = 3
# Equal stamps show chunks only if they are common, because samples that are sent again now and then
# have them too: each adds so much, any other step takes off one, and above so much they are common.
_PER_EQUAL, _COMMON, _MOST_EQUALS = 8, 32, 64
# Further from its place than this many periods, or this many ns once stamps are smoothed, a stamp
# needs a second witness.
_FAR_PERIODS, _FAR_NS = 4.0, 100.0 * NS_PER_MS
# Seconds per second, at least and at most, of stamps that can be seconds. So many blocks are enough
# to tell at first; where stamps have been right before, so many more are.
_SLOWEST, _FASTEST = 0.1, 10.0
OFF_SCALE_BLOCKS, MORE_BLOCKS = 3, 9


@njit(cache=True)
def is_far(stamp: int, timing: Timing) -> bool:
    """Return True if a stamp is so far from its place that it needs a second witness."""
    state = timing.state
    if state[NEWEST_NS] == NEVER_NS:
        return False
    far_ns = _FAR_PERIODS * timing.period_ns
    if state[SMOOTHS]:
        far_ns = max(far_ns, _FAR_NS)
    return bool(abs(stamp - state[NEWEST_NS] - timing.period_ns) > far_ns)


@njit(cache=True)
def is_witnessed(held: int, stamp: int, timing: Timing) -> bool:
    """Return True if the next stamp follows the one held, rather than those before that."""
    before = timing.state[NEWEST_NS]
    return bool(abs(stamp - held - timing.period_ns) < abs(stamp - before - timing.period_ns))


@njit(cache=True)
def take_run(stamp_ns: Int64Array, first: int, time_ns: Int64Array, timing: Timing) -> int:
    """Give the samples from ``first`` on their times; return the first that is out of place.

    The time of a sample is `NEVER_NS` while the line is not known.
    """
    for sample in range(first, stamp_ns.size):
        if is_far(stamp_ns[sample], timing):
            return sample
        time_ns[sample] = take(stamp_ns[sample], timing)
    return stamp_ns.size


@njit(cache=True)
def take(stamp: int, timing: Timing) -> int:
    """Take the next sample; return its time."""
    state = timing.state
    if state[NEWEST_NS] != NEVER_NS:
        _judge(stamp - state[NEWEST_NS], timing)
    _check_scale(stamp, timing)
    time = time_on_line(stamp, timing) if state[SMOOTHS] else stamp
    state[NEWEST_NS] = stamp
    return time


@njit(cache=True)
def _check_scale(stamp: int, timing: Timing) -> None:
    """Compare the time that passed by the stamps with the number of samples, block by block."""
    state, line = timing.state, timing.line
    if state[N_TAKEN] % timing.n_block == 0:
        if state[N_TAKEN] > 0:
            line[SCALE] = (stamp - state[SINCE_NS]) / (timing.n_block * timing.period_ns)
            is_off = not _SLOWEST < line[SCALE] < _FASTEST
            state[OFF_SCALE] = state[OFF_SCALE] + 1 if is_off else -MORE_BLOCKS
        state[SINCE_NS] = stamp
    if state[N_TAKEN] % (2 * timing.n_block) == 0:
        state[UNEVEN] = max(state[UNEVEN] - 1, 0)
    state[N_TAKEN] += 1


@njit(cache=True)
def note_stray(stamp: int, timing: Timing) -> None:
    """Count a stamp without a witness as evidence that stamps are uneven.

    Not if it is a whole number of periods away: that sample was sent again, late, or early.
    """
    if not _is_whole(stamp - timing.state[NEWEST_NS], timing.period_ns):
        timing.state[UNEVEN] += 1
        _turn_on(timing)


@njit(cache=True)
def _is_whole(step: int, period_ns: float) -> bool:
    """Return True if a step is nearly a whole number of periods."""
    return bool(abs(step - np.rint(step / period_ns) * period_ns) <= _OFF_GRID * period_ns)


@njit(cache=True)
def _judge(step: int, timing: Timing) -> None:
    """Look for evidence that stamps are uneven in the step from one to the next.

    A step is even if it is a whole number of periods: one; more where samples were lost; none or
    fewer where they were repeated or are out of order. But where equal stamps are common and a step
    makes up for those before it, each stamp stands for a chunk.
    """
    state = timing.state
    n_periods = np.rint(step / timing.period_ns)
    if step == 0:
        state[N_EQUAL] += 1
        state[EQUALS] = min(state[EQUALS] + _PER_EQUAL, _MOST_EQUALS)
        return
    state[EQUALS] = max(state[EQUALS] - 1, 0)
    is_even = n_periods != 0 and _is_whole(step, timing.period_ns)
    makes_up = (
        state[EQUALS] > _COMMON
        and state[N_EQUAL] > 0
        and n_periods > 1
        and (abs(n_periods - 1 - state[N_EQUAL]) <= 1 + 0.1 * state[N_EQUAL])
    )
    if makes_up or not is_even:
        state[UNEVEN] += 1
        _turn_on(timing)
    state[N_EQUAL] = 0


@njit(cache=True)
def _turn_on(timing: Timing) -> None:
    """Begin to smooth once there is enough evidence, from the newest time if that was sure."""
    state, line = timing.state, timing.line
    if state[SMOOTHS] or not timing.may_smooth or state[UNEVEN] < _ENOUGH:
        return
    state[SMOOTHS] = 1
    if state[N_TAKEN] > NS_PER_S / timing.period_ns:
        begin(state[NEWEST_NS] + np.int64(np.rint(timing.period_ns)), timing)
        line[OFFSET] = line[SLOPE] = 0.0
        line[OUT] = -timing.period_ns
        state[N_POINTS] = 1
        timing.points[:, 0] = 0.0
