"""Integer time against float seconds."""

from hypothesis import given
from hypothesis import strategies as st

from rt_ner.clock import nearest_grid_line_ns, next_grid_line_ns, ns_from_s, s_from_ns

DAY_NS = 86_400 * 10**9


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
