"""Ticks at a rate of their own, to the nanosecond."""

from hypothesis import given
from hypothesis import strategies as st

from rt_ner.live.rules.ticks import TickedOutputs

MS = 1_000_000
TICK_NS, STALE_NS, START_NS = 10 * MS, 100 * MS, 5_000 * MS


def ticked() -> TickedOutputs:
    return TickedOutputs(TICK_NS, STALE_NS, START_NS)


def test_before_anything_was_decoded_zero_is_sent() -> None:
    assert ticked().tick(START_NS) == (START_NS, (0.0, 0.0))


def test_a_velocity_is_stale_from_the_first_nanosecond_after_its_time() -> None:
    ticks = ticked()
    ticks.set((1.0, 3.0), START_NS)
    assert ticks.tick(START_NS + STALE_NS).values == (1.0, 3.0)
    assert ticks.tick(START_NS + STALE_NS + 1).values == (0.0, 0.0)
    ticks.set((1.0, 3.0), START_NS + STALE_NS + 2)
    assert ticks.tick(START_NS + STALE_NS + 3).values == (1.0, 3.0)


def test_ticks_that_were_missed_are_left_out() -> None:
    """A process that was paused must not send five seconds of movement at once."""
    ticks = ticked()
    assert ticks.tick(START_NS).due_ns == START_NS
    assert ticks.tick(START_NS + 5_000 * MS + 1).due_ns == START_NS + 5_000 * MS
    assert ticks.due_ns == START_NS + 5_010 * MS


@given(st.lists(st.integers(0, 40 * MS), max_size=50))
def test_every_tick_is_on_the_grid_and_none_comes_twice(late_ns: list[int]) -> None:
    ticks, now_ns, before_ns = ticked(), START_NS, START_NS - TICK_NS
    for late in late_ns:
        now_ns = max(now_ns, ticks.due_ns) + late
        due_ns, _ = ticks.tick(now_ns)
        assert (due_ns - START_NS) % TICK_NS == 0
        assert before_ns < due_ns <= now_ns
        assert now_ns - due_ns < TICK_NS
        before_ns = due_ns
