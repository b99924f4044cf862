"""Which spike belongs to which bin, whatever the chunks."""

from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rt_ner.bins import HopCounter, count_events
from rt_ner.messages import RasterChunk

MS = 1_000_000
PERIOD_NS, HOP_NS = MS, 10 * MS


def chunk(stamps_ms: list[float], counts: np.ndarray | None = None) -> RasterChunk:
    stamp_ns = np.array([round(stamp * MS) for stamp in stamps_ms], dtype=np.int64)
    if counts is None:
        counts = np.ones((stamp_ns.size, 2), dtype=np.int16)
    return RasterChunk(stamp_ns, counts)


def hops_of(counter: HopCounter, *chunks: RasterChunk) -> list[tuple[int, list[float]]]:
    return [
        (end_ns // MS, counter.counts.tolist()) for one in chunks for end_ns in counter.push(one)
    ]


@given(
    times=st.lists(st.integers(-50, 400), max_size=60),
    start=st.integers(-20, 20),
    bin_ns=st.integers(1, 40),
)
def test_events_fall_into_half_open_bins(times: list[int], start: int, bin_ns: int) -> None:
    counts = np.zeros((8, 1), dtype=np.uint8)
    count_events(np.array(times, np.int64), np.zeros(len(times), np.int32), start, bin_ns, counts)
    literal = [
        sum(start + k * bin_ns <= time < start + (k + 1) * bin_ns for time in times)
        for k in range(8)
    ]
    assert counts[:, 0].tolist() == literal


def test_a_hop_closes_with_the_sample_that_completes_it() -> None:
    counter = HopCounter(2, HOP_NS, PERIOD_NS)
    assert hops_of(counter, chunk([float(ms) for ms in range(1, 10)])) == []
    assert hops_of(counter, chunk([10.0])) == [(10, [10.0, 10.0])]


def test_a_first_hop_that_is_covered_in_part_is_discarded() -> None:
    counter = HopCounter(2, HOP_NS, PERIOD_NS)
    assert hops_of(counter, chunk([float(ms) for ms in range(4, 31)])) == [
        (20, [10.0, 10.0]),
        (30, [10.0, 10.0]),
    ]
    assert counter.n_missing == counter.n_late == 0


def test_stamps_off_by_rounding_or_jitter_change_nothing(rng: np.random.Generator) -> None:
    exact = chunk([float(ms) for ms in range(1, 101)], rng.integers(0, 3, (100, 2)))
    jitter_ns = rng.integers(-PERIOD_NS // 5, PERIOD_NS // 5, 100)
    jittered = RasterChunk(exact.stamp_ns + jitter_ns, exact.counts)
    plain = hops_of(HopCounter(2, HOP_NS, PERIOD_NS), exact)
    assert hops_of(HopCounter(2, HOP_NS, PERIOD_NS), jittered) == plain
    assert len(plain) == 10


def test_samples_whose_time_does_not_advance_are_dropped_and_counted() -> None:
    counter = HopCounter(2, HOP_NS, PERIOD_NS)
    stamps = [float(ms) for ms in range(1, 10)]
    assert hops_of(counter, chunk([*stamps, 9.0, 5.0, 10.0])) == [(10, [10.0, 10.0])]
    assert counter.n_late == 2


def test_missing_samples_are_counted_and_their_hop_still_closes() -> None:
    counter = HopCounter(2, HOP_NS, PERIOD_NS)
    stamps = [float(ms) for ms in range(1, 31) if ms not in (4, 5, 20)]
    hops = hops_of(counter, chunk(stamps))
    assert hops == [(10, [8.0, 8.0]), (20, [9.0, 9.0]), (30, [10.0, 10.0])]
    assert counter.n_missing == 3


def test_hops_that_were_never_measured_are_not_reported_as_silent() -> None:
    counter = HopCounter(2, HOP_NS, PERIOD_NS)
    before, after = list(range(1, 16)), list(range(54, 71))
    hops = hops_of(counter, chunk([float(ms) for ms in before + after]))
    # 15 ms cuts hop 20 short; hops 30 to 50 are absent; hop 60 is covered from 53 ms on only.
    assert hops == [(10, [10.0, 10.0]), (20, [5.0, 5.0]), (70, [10.0, 10.0])]
    assert counter.n_missing == 38


def test_a_period_as_long_as_the_hop() -> None:
    counter = HopCounter(2, 30 * MS, 30 * MS)
    hops = hops_of(counter, chunk([30.0, 60.0, 90.0]))
    assert hops == [(30, [1.0, 1.0]), (60, [1.0, 1.0]), (90, [1.0, 1.0])]


@given(data=st.data())
def test_chunking_does_not_matter(data: st.DataObject) -> None:
    """Any split of any input, with gaps, repeats and disorder, gives the same hops and totals."""
    steps = data.draw(st.lists(st.integers(-2, 25), min_size=1, max_size=80))
    stamps_ms = np.cumsum([1, *steps]).astype(float)
    counts = np.arange(2 * stamps_ms.size, dtype=np.int16).reshape(-1, 2)
    whole = chunk(list(stamps_ms), counts)
    cuts = sorted(data.draw(st.lists(st.integers(0, stamps_ms.size), max_size=10)))
    edges = [0, *cuts, stamps_ms.size]
    pieces = [
        RasterChunk(whole.stamp_ns[a:b], whole.counts[a:b])
        for a, b in zip(edges, edges[1:], strict=False)
    ]
    once, split = HopCounter(2, HOP_NS, PERIOD_NS), HopCounter(2, HOP_NS, PERIOD_NS)
    assert hops_of(split, *pieces) == hops_of(once, whole)
    assert (split.n_late, split.n_missing) == (once.n_late, once.n_missing)


@given(
    start_us=st.integers(-5_000, 60_000),
    n_samples=st.integers(1, 120),
    period_ms=st.sampled_from([1, 2, 5, 10]),
    seed=st.integers(0, 2**16),
)
def test_hops_equal_a_literal_count(
    start_us: int, n_samples: int, period_ms: int, seed: int
) -> None:
    """Against the definition, at any phase between samples and hops.

    A hop's counts are the sum of the samples whose interval has its centre there; every hop that
    got all of its samples is reported, but for the last, whose end may not have been seen.
    """
    counts = np.random.default_rng(seed).integers(0, 4, (n_samples, 1)).astype(np.int16)
    period_ns = period_ms * MS
    ends_ns = [start_us * 1000 + (k + 1) * period_ns for k in range(n_samples)]
    chunk = RasterChunk(np.array(ends_ns, dtype=np.int64), counts)
    counter = HopCounter(1, HOP_NS, period_ns)
    got = {}
    for end_ns in counter.push(chunk):
        got[end_ns] = float(counter.counts[0])
    literal: dict[int, list[int]] = defaultdict(list)
    for end_ns, count in zip(ends_ns, counts[:, 0], strict=True):
        centre_ns = end_ns - period_ns // 2
        literal[(centre_ns // HOP_NS + 1) * HOP_NS].append(int(count))
    whole = {
        end_ns: sum(parts) for end_ns, parts in literal.items() if len(parts) == HOP_NS // period_ns
    }
    assert got.items() <= whole.items()
    assert len(got) >= len(whole) - 1
    assert counter.n_late == counter.n_missing == 0


def test_what_an_outage_cost_is_counted_when_it_ends() -> None:
    counter = HopCounter(2, HOP_NS, PERIOD_NS)
    hops_of(counter, chunk([float(ms) for ms in range(1, 16)]))
    counter.reset()
    assert hops_of(counter, chunk([float(ms) for ms in range(1021, 1031)])) == [
        (1030, [10.0, 10.0])
    ]
    assert counter.n_missing == 1005
    counter.restart()
    hops_of(counter, chunk([1.0, 2.0]))
    assert (counter.n_missing, counter.n_late) == (1005, 0)
