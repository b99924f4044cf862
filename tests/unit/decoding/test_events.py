"""Single spikes are counted into hops as literally, whatever their order and the chunks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.decoding.binning.events import EventBinner
from rt_ner.decoding.chunks import EventChunk

MS = 1_000_000
HOP_NS, GRACE_NS, STEP_NS = 10 * MS, 5 * MS, 200 * MS
N_CHANNELS = 3


def binner_for(base: int = 1, grace_ns: int = GRACE_NS) -> EventBinner:
    channel_of = np.repeat(np.arange(N_CHANNELS, dtype=np.int32)[:, None], 4, axis=1)
    return EventBinner(N_CHANNELS, channel_of, (HOP_NS, grace_ns, STEP_NS), base)


def chunk(*events: tuple[float, float, float], arrived_ms: float = 0) -> EventChunk:
    """Return a chunk of events given as (time in ms, channel, unit)."""
    rows = np.array(events, dtype=np.float64).reshape(-1, 3)
    time_ns = np.rint(rows[:, 0] * MS).astype(np.int64)
    return EventChunk(time_ns, rows[:, 1].copy(), rows[:, 2].copy(), round(arrived_ms * MS))


def hops_of(binner: EventBinner, *chunks: EventChunk) -> list[tuple[int, list[float]]]:
    return [(end_ns // MS, binner.counts.tolist()) for one in chunks for end_ns in binner.push(one)]


def counted(binner: EventBinner) -> dict[InputCounts, int]:
    return {
        input_counts: int(binner.input_counts[input_counts])
        for input_counts in InputCounts
        if binner.input_counts[input_counts]
    }


def test_a_hop_closes_when_the_grace_is_over_even_without_a_spike() -> None:
    binner = binner_for()
    assert hops_of(binner, chunk((3, 1, 0), (4, 2, 1), arrived_ms=14.9)) == []
    assert hops_of(binner, chunk(arrived_ms=15)) == [(10, [1, 1, 0])]
    assert hops_of(binner, chunk(arrived_ms=35)) == [(20, [0, 0, 0]), (30, [0, 0, 0])]


def test_the_counter_says_when_its_hop_is_over() -> None:
    binner = binner_for()
    binner.restart(1003 * MS)
    hops_of(binner, chunk((1004, 1, 0), arrived_ms=1004))
    assert binner.due_ns(1004 * MS) == 1025 * MS, "a whole hop, and the grace"
    assert hops_of(binner, chunk(arrived_ms=1024.9)) == []
    assert hops_of(binner, chunk(arrived_ms=1025)) == [(1020, [0, 0, 0])]
    assert binner.due_ns(1025 * MS) == 1035 * MS


def test_a_late_event_is_dropped_and_counted() -> None:
    binner = binner_for()
    hops_of(binner, chunk((3, 1, 0), arrived_ms=15))
    assert hops_of(binner, chunk((9, 1, 0), (10, 1, 0), arrived_ms=25)) == [(20, [1, 0, 0])]
    assert counted(binner) == {InputCounts.USED: 2, InputCounts.LATE: 1}


def test_the_hop_that_the_input_begins_within_is_not_reported() -> None:
    binner = binner_for()
    binner.restart(13 * MS)
    hops = hops_of(binner, chunk((14, 1, 0), (21, 1, 0), arrived_ms=36))
    assert hops == [(30, [1, 0, 0])]
    assert counted(binner) == {InputCounts.USED: 1, InputCounts.UNDECODABLE: 1}


def test_events_out_of_order_are_used_and_repeats_are_not() -> None:
    binner = binner_for()
    events = [(1, 1, 0), (5, 2, 0), (3, 1, 0), (5, 2, 0), (3, 1, 0), (3, 1, 1), (6, 1, 0)]
    assert hops_of(binner, chunk(*events, arrived_ms=15)) == [(10, [4, 1, 0])]
    assert counted(binner) == {
        InputCounts.USED: 5,
        InputCounts.REORDERED: 2,
        InputCounts.DUPLICATE: 2,
    }


def test_a_whole_chunk_sent_twice_is_counted_once() -> None:
    binner = binner_for()
    once = [(1, 1, 0), (2, 2, 0), (2, 3, 0)]
    assert hops_of(binner, chunk(*once, *once, (9, 1, 0), arrived_ms=15)) == [(10, [2, 1, 1])]
    assert counted(binner) == {InputCounts.USED: 4, InputCounts.DUPLICATE: 3}


def test_events_that_share_their_chunks_stamp_all_count() -> None:
    binner = binner_for()
    shared = [(7, 1, 0), (7, 1, 0), (7, 2, 0), (7, 1, 0)]
    assert hops_of(binner, chunk((6, 1, 0), *shared, arrived_ms=15)) == [(10, [4, 1, 0])]
    assert counted(binner) == {InputCounts.USED: 5}


@pytest.mark.parametrize("base", [0, 1])
def test_channels_are_counted_from_the_base(base: int) -> None:
    binner = binner_for(base)
    events = [(k, k - 1, 0) for k in range(1, 6)]
    (hop,) = hops_of(binner, chunk(*events, arrived_ms=15))
    assert hop == (10, [1, 1, 1])
    # A number below the base shows that the base is wrong: nothing may move.
    below = {InputCounts.INVALID: 1} if base else {}
    assert counted(binner) == {InputCounts.USED: 3, InputCounts.UNKNOWN: 2 - base} | below


@pytest.mark.parametrize("bad", [(2, np.nan, 0), (2, -1, 0), (2, 1.5, 0), (2, 1, np.inf)])
def test_an_event_that_cannot_be_spoils_its_hop_and_no_other(
    bad: tuple[float, float, float],
) -> None:
    binner = binner_for()
    invalid = [
        binner.invalid for _ in binner.push(chunk((1, 1, 0), bad, (12, 1, 0), arrived_ms=35))
    ]
    assert invalid == [True, False, False]
    assert counted(binner) == {InputCounts.USED: 2, InputCounts.INVALID: 1}


@pytest.mark.parametrize("step_ms", [-5000.0, 5000.0])
def test_a_clock_that_was_set_is_counted_and_followed(step_ms: float) -> None:
    binner = binner_for()
    binner.restart(10_000 * MS)
    first = chunk((10_001, 1, 0), (10_031, 1, 0), arrived_ms=10_031)
    second = chunk((10_041 + step_ms, 2, 0), (10_052 + step_ms, 2, 0), arrived_ms=10_052)
    silence = chunk(arrived_ms=10_076)
    ends = [(end - 10_000) for end, _ in hops_of(binner, first, second, silence)]
    assert ends == [10, 20, 70 + step_ms], "silence closes hops by the clock that was set"
    assert counted(binner) == {
        InputCounts.USED: 1, InputCounts.INVALID: 1, InputCounts.CLOCK_STEPS: 1,
        InputCounts.UNDECODABLE: 2,
    }  # fmt: skip


def test_an_event_ahead_of_the_clock_does_not_make_silence_of_what_is_to_come() -> None:
    binner = binner_for()
    binner.restart(10_000 * MS)
    first = chunk((10_001, 1, 0), (10_021, 1, 0), arrived_ms=10_022)
    odd = chunk((10_172, 1, 0), arrived_ms=10_023)
    ends = [end - 10_000 for end, _ in hops_of(binner, first, odd)]
    assert ends == [10]
    assert counted(binner) == {InputCounts.USED: 2, InputCounts.INVALID: 1}


def test_a_chunk_sent_again_much_later_is_a_repeat_and_no_step() -> None:
    binner = binner_for()
    once = [(float(ms), 1.0, 0.0) for ms in range(1, 400)]
    hops_of(binner, chunk(*once, *once))
    assert counted(binner) == {InputCounts.USED: 399, InputCounts.DUPLICATE: 399}


def test_units_that_are_pooled_may_be_called_anything() -> None:
    channel_of = np.repeat(np.arange(N_CHANNELS, dtype=np.int32)[:, None], 4, axis=1)
    binner = EventBinner(N_CHANNELS, channel_of, (HOP_NS, GRACE_NS, STEP_NS), 1, pooled=True)
    events = [(1, 1, -1), (2, 1, 700), (3, 1, np.nan)]
    assert hops_of(binner, chunk(*events, arrived_ms=15)) == [(10, [3, 0, 0])]


def test_a_source_faster_than_the_clock_is_followed_by_its_own_time() -> None:
    binner = binner_for()
    events = [(float(k), 1.0, 0.0) for k in range(0, 1000, 5)]
    pieces = [chunk(event, arrived_ms=1 + event[0] / 10) for event in events]
    assert [end for end, _ in hops_of(binner, *pieces)] == list(range(10, 1000, 10))
    assert counted(binner) == {InputCounts.USED: 200}


def events_until(last_ms: int) -> st.SearchStrategy[list[tuple[int, int, int]]]:
    event = st.tuples(st.integers(0, last_ms), st.integers(0, 4), st.integers(0, 1))
    return st.lists(event, max_size=60)


@given(
    events=events_until(400),
    grace_ms=st.sampled_from([0, 3, 25]),
    cuts=st.lists(st.integers(0, 60)),
)
def test_chunking_does_not_matter(
    events: list[tuple[int, int, int]], grace_ms: int, cuts: list[int]
) -> None:
    """Any split of any events, in any order, gives the same hops and input counts."""
    once, split = binner_for(grace_ns=grace_ms * MS), binner_for(grace_ns=grace_ms * MS)
    edges = sorted({0, *(cut for cut in cuts if cut < len(events)), len(events)})
    pieces = [chunk(*events[a:b]) for a, b in zip(edges, edges[1:], strict=False)]
    end = chunk(arrived_ms=500)
    assert hops_of(split, *pieces, end) == hops_of(once, chunk(*events), end)
    assert split.input_counts.tolist() == once.input_counts.tolist()


@given(events=events_until(200))
def test_hops_equal_a_literal_count(events: list[tuple[int, int, int]]) -> None:
    """With a grace that outlasts any disorder, each distinct event counts once, in its hop."""
    binner = binner_for(grace_ns=450 * MS)
    newest, runs_back, distinct = -1, False, []
    for event in events:
        runs_back = event[0] < newest or (runs_back and event[0] == newest)
        newest = max(newest, event[0])
        if not (runs_back and event in distinct):
            distinct.append(event)
    literal = [
        [sum(e[0] // 10 == hop and e[1] == channel + 1 for e in distinct) for channel in range(3)]
        for hop in range(21)
    ]
    hops = hops_of(binner, chunk(*events), chunk(arrived_ms=660))
    assert [counts for _, counts in hops] == literal
    n_undecodable = binner.input_counts[InputCounts.UNDECODABLE]
    assert sum(binner.input_counts[: InputCounts.REORDERED]) + n_undecodable == len(events)
