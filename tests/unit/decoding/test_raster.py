"""Each spike belongs to the right bin, whatever the chunks."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.decoding.binning.kernels.grid import count_events
from rt_ner.decoding.binning.raster import RasterBinner, raster_binner
from rt_ner.decoding.chunks import RasterChunk

MS = 1_000_000
PERIOD_NS, HOP_NS = MS, 10 * MS


def chunk(stamps_ms: list[float], counts: np.ndarray | None = None) -> RasterChunk:
    stamp_ns = np.array([round(stamp * MS) for stamp in stamps_ms], dtype=np.int64)
    if counts is None:
        counts = np.ones((stamp_ns.size, 2), dtype=np.int16)
    return RasterChunk(stamp_ns, counts)


def hops_of(binner: RasterBinner, *chunks: RasterChunk) -> list[tuple[int, list[float]]]:
    return [(end_ns // MS, binner.counts.tolist()) for one in chunks for end_ns in binner.push(one)]


def counted(binner: RasterBinner) -> dict[InputCounts, int]:
    """Return the input counts that are not zero."""
    return {
        input_counts: int(binner.input_counts[input_counts])
        for input_counts in InputCounts
        if binner.input_counts[input_counts]
    }


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
    binner = raster_binner(2, HOP_NS, PERIOD_NS)
    assert hops_of(binner, chunk([float(ms) for ms in range(1, 10)])) == []
    assert hops_of(binner, chunk([10.0])) == [(10, [10.0, 10.0])]


def test_a_first_hop_that_is_covered_in_part_is_discarded() -> None:
    binner = raster_binner(2, HOP_NS, PERIOD_NS)
    assert hops_of(binner, chunk([float(ms) for ms in range(4, 31)])) == [
        (20, [10.0, 10.0]),
        (30, [10.0, 10.0]),
    ]
    assert counted(binner) == {InputCounts.USED: 20, InputCounts.UNDECODABLE: 7}


def test_stamps_off_by_rounding_or_jitter_change_nothing(rng: np.random.Generator) -> None:
    exact = chunk([float(ms) for ms in range(1, 101)], rng.integers(0, 3, (100, 2)))
    jitter_ns = rng.integers(-PERIOD_NS // 5, PERIOD_NS // 5, 100)
    jittered = RasterChunk(exact.stamp_ns + jitter_ns, exact.counts)
    plain = hops_of(raster_binner(2, HOP_NS, PERIOD_NS), exact)
    assert hops_of(raster_binner(2, HOP_NS, PERIOD_NS), jittered) == plain
    assert len(plain) == 10


def test_repeats_and_late_samples_are_dropped_and_counted() -> None:
    binner = raster_binner(2, HOP_NS, PERIOD_NS)
    stamps = [float(ms) for ms in range(1, 13) if ms != 6]
    hops = hops_of(binner, chunk([*stamps, 12.0, 5.0, 6.0, *range(13, 21)]))
    assert hops == [(10, [9.0, 9.0]), (20, [10.0, 10.0])]
    assert counted(binner) == {
        InputCounts.USED: 19, InputCounts.DUPLICATE: 2, InputCounts.LATE: 1,
    }  # fmt: skip


def test_samples_out_of_order_are_used_while_their_hop_is_open() -> None:
    binner = raster_binner(2, HOP_NS, PERIOD_NS)
    hops = hops_of(binner, chunk([1.0, 2.0, 5.0, 4.0, 3.0, 6.0, 7.0, 8.0, 9.0, 10.0]))
    assert hops == [(10, [10.0, 10.0])]
    assert counted(binner) == {InputCounts.USED: 10, InputCounts.REORDERED: 2}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -1.0])
def test_counts_that_cannot_be_spoil_their_hop_and_no_other(bad: float) -> None:
    binner = raster_binner(2, HOP_NS, PERIOD_NS)
    counts = np.ones((30, 2), dtype=np.float32)
    counts[14, 1] = bad
    invalid = []
    for end_ns in binner.push(chunk([float(ms) for ms in range(1, 31)], counts)):
        invalid.append((end_ns // MS, binner.counts.tolist(), binner.invalid))
    assert invalid == [(10, [10, 10], False), (20, [9, 9], True), (30, [10, 10], False)]
    assert counted(binner) == {InputCounts.USED: 29, InputCounts.INVALID: 1}


@pytest.mark.parametrize("step_ms", [-3_600_000.0, -205.0, 5000.0])
def test_a_clock_that_was_set_is_counted_and_time_begins_anew(step_ms: float) -> None:
    binner = raster_binner(2, HOP_NS, PERIOD_NS)
    before, after = np.arange(1.0, 26.0), np.arange(26.0, 51.0)
    first = chunk(list(before))._replace(arrived_ns=1000 * MS)
    second = chunk(list(after + step_ms))._replace(arrived_ns=1025 * MS)
    ends = [end for end, _ in hops_of(binner, first, second)]
    begin = -int(-(25 + step_ms) // 10)
    assert ends == [10, 20, 10 * begin + 10, 10 * begin + 20][: len(ends)]
    assert len(ends) >= 3
    n_cut = 5 if step_ms == -205 else 10
    assert counted(binner) == {
        InputCounts.USED: 50 - n_cut, InputCounts.CLOCK_STEPS: 1, InputCounts.UNDECODABLE: n_cut,
    }  # fmt: skip


def test_a_long_hole_in_a_backlog_is_loss_and_no_step() -> None:
    """Data that were held back and then sent at once are old: what they lack is lost."""
    binner = raster_binner(2, HOP_NS, PERIOD_NS)
    hops_of(binner, chunk(list(np.arange(1.0, 26.0)))._replace(arrived_ns=1000 * MS))
    late = [*np.arange(26.0, 51.0), *np.arange(551.0, 601.0)]
    hops_of(binner, chunk(late)._replace(arrived_ns=2000 * MS))
    assert counted(binner) == {InputCounts.USED: 100, InputCounts.MISSING: 500}


def test_what_is_sent_again_much_later_is_a_repeat_and_no_step() -> None:
    binner = raster_binner(2, HOP_NS, PERIOD_NS)
    once = chunk(list(np.arange(1.0, 401.0)))._replace(arrived_ns=1000 * MS)
    assert len(hops_of(binner, once, once)) == 40
    assert counted(binner) == {InputCounts.USED: 400, InputCounts.DUPLICATE: 400}


def test_a_long_gap_that_was_waited_for_is_loss_and_no_step() -> None:
    binner = raster_binner(2, HOP_NS, PERIOD_NS)
    hops_of(binner, chunk(list(np.arange(1.0, 26.0)))._replace(arrived_ns=1000 * MS))
    hops_of(binner, chunk(list(np.arange(2026.0, 2051.0)))._replace(arrived_ns=3000 * MS))
    assert counted(binner) == {
        InputCounts.USED: 45, InputCounts.MISSING: 2000, InputCounts.UNDECODABLE: 5,
    }  # fmt: skip


@pytest.mark.parametrize("rate_hz", [300.0, 600.0, 30_000.0])
def test_a_period_of_no_whole_nanoseconds(rate_hz: float) -> None:
    n_samples = int(rate_hz * 2)
    stamp_ns = np.rint(np.arange(1, n_samples + 1) * (1e9 / rate_hz)).astype(np.int64)
    late_ns = stamp_ns + 30 * 10**9
    counts = np.ones((n_samples, 2), dtype=np.int8)
    binner = raster_binner(2, HOP_NS, 1e9 / rate_hz)
    hops = hops_of(binner, RasterChunk(stamp_ns, counts), RasterChunk(late_ns, counts))
    assert [counts for _, counts in hops] == [[rate_hz / 100] * 2] * 400
    assert counted(binner) == {
        InputCounts.USED: 2 * n_samples,
        InputCounts.MISSING: int(rate_hz * 28),
    }


def test_columns_are_selected_and_pooled() -> None:
    columns = np.array([[0, 1], [2, 0], [3, 0]], dtype=np.int32)
    binner = raster_binner(2, HOP_NS, PERIOD_NS, columns)
    counts = np.tile(np.array([1, np.nan, 3, 4]), (10, 1))
    hops = hops_of(binner, chunk([float(ms) for ms in range(1, 11)], counts))
    assert hops == [(10, [70.0, 10.0])], "a column that stands for nothing may hold anything"


def test_missing_samples_are_counted_and_their_hop_still_closes() -> None:
    binner = raster_binner(2, HOP_NS, PERIOD_NS)
    stamps = [float(ms) for ms in range(1, 31) if ms not in (4, 5, 20)]
    hops = hops_of(binner, chunk(stamps))
    assert hops == [(10, [8.0, 8.0]), (20, [9.0, 9.0]), (30, [10.0, 10.0])]
    assert counted(binner) == {InputCounts.USED: 27, InputCounts.MISSING: 3}


def test_hops_that_were_never_measured_are_not_reported_as_silent() -> None:
    binner = raster_binner(2, HOP_NS, PERIOD_NS)
    before, after = list(range(1, 16)), list(range(54, 71))
    hops = hops_of(binner, chunk([float(ms) for ms in before + after]))
    # 15 ms cuts hop 20 short; hops 30 to 50 are absent; hop 60 is covered from 53 ms on only.
    assert hops == [(10, [10.0, 10.0]), (20, [5.0, 5.0]), (70, [10.0, 10.0])]
    assert counted(binner) == {
        InputCounts.USED: 25, InputCounts.MISSING: 38, InputCounts.UNDECODABLE: 7,
    }  # fmt: skip


def test_a_period_as_long_as_the_hop() -> None:
    binner = raster_binner(2, 30 * MS, 30 * MS)
    hops = hops_of(binner, chunk([30.0, 60.0, 90.0]))
    assert hops == [(30, [1.0, 1.0]), (60, [1.0, 1.0]), (90, [1.0, 1.0])]


@given(data=st.data())
def test_chunking_does_not_matter(data: st.DataObject) -> None:
    """Any split of any input, with gaps, repeats and disorder, gives the same hops and totals."""
    steps = data.draw(
        st.lists(st.integers(-250, 250) | st.integers(-2, 25), min_size=1, max_size=80)
    )
    stamps_ms = np.cumsum([1, *steps]).astype(float)
    counts = np.arange(2 * stamps_ms.size, dtype=np.int16).reshape(-1, 2)
    whole = chunk(list(stamps_ms), counts)
    cuts = sorted(data.draw(st.lists(st.integers(0, stamps_ms.size), max_size=10)))
    edges = [0, *cuts, stamps_ms.size]
    pieces = [
        RasterChunk(whole.stamp_ns[a:b], whole.counts[a:b])
        for a, b in zip(edges, edges[1:], strict=False)
    ]
    once, split = raster_binner(2, HOP_NS, PERIOD_NS), raster_binner(2, HOP_NS, PERIOD_NS)
    assert hops_of(split, *pieces) == hops_of(once, whole)
    assert split.input_counts.tolist() == once.input_counts.tolist()


@given(
    start_us=st.integers(-5_000, 60_000),
    n_samples=st.integers(1, 120),
    period_ms=st.sampled_from([1, 2, 5, 10]),
    seed=st.integers(0, 2**16),
)
def test_hops_equal_a_literal_count(
    start_us: int, n_samples: int, period_ms: int, seed: int
) -> None:
    """Hops follow the definition, at any phase between samples and hops.

    A hop's counts are the sum of the samples whose interval has its centre in it. Every hop that
    got all of its samples is reported, except for the last, whose end may not have been seen.
    """
    counts = np.random.default_rng(seed).integers(0, 4, (n_samples, 1)).astype(np.int16)
    period_ns = period_ms * MS
    ends_ns = [start_us * 1000 + (k + 1) * period_ns for k in range(n_samples)]
    chunk = RasterChunk(np.array(ends_ns, dtype=np.int64), counts)
    binner = raster_binner(1, HOP_NS, period_ns)
    got = {}
    for end_ns in binner.push(chunk):
        got[end_ns] = float(binner.counts[0])
    literal: dict[int, list[int]] = defaultdict(list)
    for end_ns, count in zip(ends_ns, counts[:, 0], strict=True):
        centre_ns = end_ns - period_ns // 2
        literal[(centre_ns // HOP_NS + 1) * HOP_NS].append(int(count))
    whole = {
        end_ns: sum(parts) for end_ns, parts in literal.items() if len(parts) == HOP_NS // period_ns
    }
    assert got.items() <= whole.items()
    assert len(got) >= len(whole) - 1
    counts_by_name = counted(binner)
    assert counts_by_name.keys() <= {InputCounts.USED, InputCounts.UNDECODABLE}
    assert sum(counts_by_name.values()) == n_samples


def test_what_an_outage_cost_is_counted_when_it_ends() -> None:
    binner = raster_binner(2, HOP_NS, PERIOD_NS)
    hops_of(binner, chunk([float(ms) for ms in range(1, 16)]))
    binner.reset(0)
    assert hops_of(binner, chunk([float(ms) for ms in range(1021, 1031)])) == [(1030, [10.0, 10.0])]
    assert counted(binner) == {
        InputCounts.USED: 20, InputCounts.MISSING: 1005, InputCounts.UNDECODABLE: 5,
    }  # fmt: skip
    binner.restart(0)
    hops_of(binner, chunk([1.0, 2.0]))
    assert counted(binner) == {
        InputCounts.USED: 22, InputCounts.MISSING: 1005, InputCounts.UNDECODABLE: 5,
    }  # fmt: skip
