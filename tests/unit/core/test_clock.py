"""Integer time against float seconds, and another host's clock against the local one."""

from hypothesis import given
from hypothesis import strategies as st

from rt_ner.core.clock import (
    ClockOffset,
    nearest_grid_line_ns,
    next_grid_line_ns,
    ns_from_s,
    s_from_ns,
)

DAY_NS = 86_400 * 10**9
MS, S = 10**6, 10**9
STEP_NS = 200 * MS


@given(st.integers(0, 97 * DAY_NS))
def test_a_stamp_survives_float_seconds_to_a_nanosecond(time_ns: int) -> None:
    assert abs(ns_from_s(s_from_ns(time_ns)) - time_ns) <= 1


@given(st.integers(0, 10**9), st.sampled_from([10_000_000, 30_000_000]))
def test_a_grid_line_survives_float_seconds_exactly(line: int, step_ns: int) -> None:
    assert nearest_grid_line_ns(ns_from_s(s_from_ns(line * step_ns)), step_ns) == line * step_ns


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**10))
def test_next_grid_line(time_ns: int, step_ns: int) -> None:
    line_ns = next_grid_line_ns(time_ns, step_ns)
    assert line_ns % step_ns == 0
    assert time_ns <= line_ns < time_ns + step_ns


def estimates(largest_ns: int) -> st.SearchStrategy[list[tuple[int, int]]]:
    """Generate waits in ns, and the error of the estimate after each."""
    wait, error = st.integers(0, 20 * S), st.integers(-largest_ns, largest_ns)
    return st.lists(st.tuples(wait, error), max_size=50)


@given(ppm=st.integers(-499, 499), noise=estimates(largest_ns=0))
def test_without_noise_a_drifting_clock_is_followed_exactly(
    ppm: int, noise: list[tuple[int, int]]
) -> None:
    now_ns, offset = 5 * S, ClockOffset(7 * S, 5 * S, STEP_NS)
    for wait_ns, _ in noise:
        # Whole milliseconds, so that the truth is a whole number of nanoseconds.
        now_ns += wait_ns // MS * MS
        truth_ns = 7 * S + (now_ns - 5 * S) // MS * ppm
        assert not offset.follow(truth_ns, now_ns)
        assert offset.ns == truth_ns


@given(ppm=st.integers(-499, 499), noise=estimates(largest_ns=3 * MS))
def test_a_drifting_clock_is_followed_as_well_as_it_is_known(
    ppm: int, noise: list[tuple[int, int]]
) -> None:
    """The offset is never off by more than the worst estimate so far."""
    now_ns, worst_ns, offset = 0, 0, ClockOffset(0, 0, STEP_NS)
    for wait_ns, error_ns in noise:
        now_ns += wait_ns // MS * MS
        truth_ns = now_ns // MS * ppm
        worst_ns = max(worst_ns, abs(error_ns))
        assert not offset.follow(truth_ns + error_ns, now_ns)
        assert abs(offset.ns - truth_ns) <= worst_ns


@given(noise=estimates(largest_ns=STEP_NS // 2))
def test_noise_moves_the_offset_by_500_ppm_at_most(noise: list[tuple[int, int]]) -> None:
    """It never jumps, however wrong an estimate is, and it moves towards it, never past."""
    now_ns, offset = 0, ClockOffset(0, 0, STEP_NS)
    for wait_ns, estimate_ns in noise:
        now_ns += wait_ns
        before_ns = offset.ns
        assert not offset.follow(estimate_ns, now_ns)
        assert abs(offset.ns - before_ns) * 2000 <= wait_ns
        assert min(before_ns, estimate_ns) <= offset.ns <= max(before_ns, estimate_ns)


def test_one_wrong_estimate_is_soon_forgotten() -> None:
    offset = ClockOffset(0, 0, STEP_NS)
    assert not offset.follow(50 * MS, 1 * S)
    assert offset.ns == MS // 2
    assert not offset.follow(0, 2 * S)
    assert offset.ns == 0


@given(
    step_ns=st.integers(MS, 10 * S),
    jump_ns=st.integers(-100 * S, 100 * S),
    wait_ns=st.integers(0, 10 * S),
)
def test_a_clock_that_was_set_is_followed_at_once_and_said(
    step_ns: int, jump_ns: int, wait_ns: int
) -> None:
    offset = ClockOffset(3 * S, 0, step_ns)
    is_step = abs(jump_ns) > step_ns
    assert offset.follow(3 * S + jump_ns, wait_ns) is is_step
    assert (offset.ns == 3 * S + jump_ns) is (is_step or abs(jump_ns) <= wait_ns // 2000)
    # From there it is followed slowly again.
    before_ns = offset.ns
    assert not offset.follow(before_ns + step_ns, wait_ns + 2000)
    assert offset.ns == before_ns + 1
