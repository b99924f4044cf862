"""Voltage becomes hops of spikes, whatever the chunks, and never a hop that was not measured."""

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.decoding.binning.broadband import BroadbandBinner
from rt_ner.decoding.binning.detector import Detector, DetectorSettings
from rt_ner.decoding.binning.kernels.filter import mark_crossings
from rt_ner.decoding.binning.kernels.grid import count_events
from rt_ner.decoding.binning.kernels.raster import advance
from rt_ner.decoding.binning.raster import RasterBinner
from rt_ner.decoding.chunks import VoltageChunk

MS = 1_000_000
RATE_HZ, N_CHANNELS, HOP_NS = 30_000, 3, 10 * MS
PERIOD_NS, STEP_NS = round(1e9 / RATE_HZ), 200 * MS
PER_MS = 30  # samples
LEARN_MS, SETTLE_MS = 100, 50
# So high that noise alone crosses once in years.
SETTINGS = DetectorSettings(learn_s=LEARN_MS / 1000, threshold_rms=7)

Hops = list[tuple[int, list[float], bool]]


def binner(columns: tuple[int, ...] = (0, 1, 2)) -> BroadbandBinner:
    """Return a binner; ``columns`` of the voltage, one for each channel."""
    pairs = np.array([(column, k) for k, column in enumerate(columns)], dtype=np.int32)
    raster = RasterBinner(len(columns), pairs, HOP_NS, PERIOD_NS, STEP_NS)
    return BroadbandBinner(Detector(N_CHANNELS, RATE_HZ, SETTINGS), raster, PERIOD_NS)


def recording(
    n_ms: int, spikes: Iterable[tuple[int, int]] = (), begin_ms: float = 0
) -> VoltageChunk:
    """Return noise of RMS 10 on an offset, with troughs of 300 at each ``(sample, channel)``."""
    n_samples = n_ms * PER_MS
    voltage = np.random.default_rng(1).normal(500.0, 10.0, (n_samples, N_CHANNELS))
    for sample, channel in spikes:
        voltage[sample - 2 : sample + 4, channel] -= (120, 230, 300, 240, 160, 70)
    stamp_ns = np.rint(begin_ms * MS + np.arange(1, n_samples + 1) * 1e9 / RATE_HZ)
    return VoltageChunk(stamp_ns.astype(np.int64), voltage.astype(np.float32))


def spikes_of(n_ms: int, seed: int = 2) -> list[tuple[int, int]]:
    """Draw a spike about every 4 ms in each channel, at least 2 ms apart."""
    rng = np.random.default_rng(seed)
    starts = np.arange(60, n_ms * PER_MS - 120, 120)
    return [(int(s + rng.integers(0, 60)), k) for k in range(N_CHANNELS) for s in starts]


def within_hops(n_ms: int) -> list[tuple[int, int]]:
    """Keep the spikes that are at least 0.5 ms from the edge of a hop, and after learning."""
    return [
        (sample, channel)
        for sample, channel in spikes_of(n_ms)
        if 15 <= sample % 300 < 285 and sample > LEARN_MS * PER_MS
    ]


def rows(chunk: VoltageChunk, chosen: np.ndarray) -> VoltageChunk:
    return VoltageChunk(chunk.stamp_ns[chosen], chunk.voltage[chosen])


def without(chunk: VoltageChunk, first: int, n: int) -> VoltageChunk:
    return rows(chunk, np.delete(np.arange(chunk.stamp_ns.size), slice(first, first + n)))


def hops_of(of: BroadbandBinner, *chunks: VoltageChunk) -> Hops:
    return [
        (end_ns // MS, of.counts.tolist(), of.invalid) for one in chunks for end_ns in of.push(one)
    ]


def ends(hops: Hops) -> list[int]:
    return [end for end, _, _ in hops]


def counted(of: BroadbandBinner) -> dict[InputCounts, int]:
    """Return the input counts that are not zero; decodable or not counts as used."""
    counts = of.input_counts.copy()
    counts[InputCounts.USED] += counts[InputCounts.UNDECODABLE]
    counts[InputCounts.UNDECODABLE] = 0
    return {what: int(counts[what]) for what in InputCounts if counts[what]}


@given(data=st.data())
def test_chunking_does_not_matter(data: st.DataObject) -> None:
    """With short and long gaps, repeats and NaN: exactly the same hops, counts and input counts."""
    n_ms = 500
    whole = recording(n_ms, spikes_of(n_ms))
    order = list(range(n_ms * PER_MS))
    for _ in range(data.draw(st.integers(0, 4))):
        at, n = data.draw(st.integers(0, len(order) - 1)), data.draw(st.integers(1, 400))
        if data.draw(st.booleans()):
            del order[at : at + min(n, data.draw(st.sampled_from([29, 31, 400])))]
        else:
            order[at:at] = order[max(at - n, 0) : at]
    for at in data.draw(st.lists(st.integers(0, n_ms * PER_MS - 1), max_size=4)):
        whole.voltage[at, at % N_CHANNELS] = data.draw(st.sampled_from([np.nan, np.inf]))
    sent = rows(whole, np.array(order, dtype=np.int64))
    cuts = data.draw(st.lists(st.integers(0, len(order)), max_size=20))
    ones = data.draw(st.integers(0, len(order)))
    edges = sorted({0, *cuts, *range(ones, min(ones + 40, len(order))), len(order)})
    pieces = [rows(sent, np.arange(a, b)) for a, b in zip(edges, edges[1:], strict=False)]
    once, split = binner(), binner()
    assert hops_of(split, *pieces) == hops_of(once, sent)
    assert split.input_counts.tolist() == once.input_counts.tolist()
    n_undecodable = once.input_counts[InputCounts.UNDECODABLE]
    assert once.input_counts[: InputCounts.REORDERED].sum() + n_undecodable == len(order)


def test_nothing_is_reported_while_learning() -> None:
    of = binner()
    assert ends(hops_of(of, recording(200, spikes_of(200)))) == list(range(110, 201, 10))
    assert of.input_counts[InputCounts.USED] == 100 * PER_MS
    assert counted(of) == {InputCounts.USED: 200 * PER_MS}
    late_by_3_ms = ends(hops_of(binner(), recording(200, begin_ms=3)))
    assert late_by_3_ms == list(range(120, 201, 10)), "only hops that are measured from the start"


@pytest.mark.parametrize(
    ("gap_ms", "reported"),
    [
        ((200, 202), [200, 270, 280]),
        ((195, 205), [270, 280]),  # hop 200 was cut short: what was not measured is not silence
        ((199, 210), [270, 280]),
        ((200, 213), [200, 280]),
    ],
)
def test_after_a_gap_hops_are_reported_once_the_filter_has_settled(
    gap_ms: tuple[int, int], reported: list[int]
) -> None:
    spikes = spikes_of(285)
    n_lost = (gap_ms[1] - gap_ms[0]) * PER_MS
    of = binner()
    hops = hops_of(of, without(recording(285, spikes), gap_ms[0] * PER_MS, n_lost))
    assert ends(hops) == [*range(110, 191, 10), *reported]
    gapless = hops_of(binner(), recording(285, spikes))
    assert hops == [hop for hop in gapless if hop[0] in ends(hops)]
    assert counted(of) == {InputCounts.USED: 285 * PER_MS - n_lost, InputCounts.MISSING: n_lost}


@pytest.mark.parametrize(("n_lost", "is_bridged"), [(1, True), (29, True), (31, False)])
def test_a_gap_shorter_than_a_millisecond_is_bridged(n_lost: int, is_bridged: bool) -> None:
    of = binner()
    hops = hops_of(of, without(recording(280), 205 * PER_MS, n_lost))
    settling = [] if is_bridged else range(210, 261, 10)
    assert ends(hops) == [end for end in range(110, 281, 10) if end not in settling]
    assert of.input_counts[InputCounts.MISSING] == n_lost


@pytest.mark.parametrize(("n_repeated", "is_bridged"), [(1, True), (30, True), (32, False)])
def test_repeats_are_dropped_and_a_short_step_back_is_bridged(
    n_repeated: int, is_bridged: bool
) -> None:
    of, order = binner(), np.arange(280 * PER_MS)
    twice = np.insert(order, 205 * PER_MS, order[205 * PER_MS - n_repeated : 205 * PER_MS])
    hops = hops_of(of, rows(recording(280), twice))
    settling = [] if is_bridged else range(210, 261, 10)
    assert ends(hops) == [end for end in range(110, 281, 10) if end not in settling]
    assert counted(of) == {InputCounts.USED: 280 * PER_MS, InputCounts.DUPLICATE: n_repeated}


def test_chunks_that_are_stamped_when_they_are_sent_are_decoded() -> None:
    """Each chunk is a little late: the steps between them are longer than a sample, or negative."""
    sent = recording(600, within_hops(600))
    late_ns = np.abs(np.random.default_rng(0).normal(0, MS // 20, 600)).astype(np.int64)
    of = binner()
    hops = hops_of(of, sent._replace(stamp_ns=sent.stamp_ns + np.repeat(late_ns, PER_MS)))
    assert hops == [hop for hop in hops_of(binner(), sent) if hop[0] in ends(hops)]
    assert ends(hops) == list(range(120, 601, 10))
    assert of.input_counts[InputCounts.REORDERED] > 10


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at_ms", [205, 219.9])
def test_what_is_no_voltage_spoils_its_hop_and_no_other(bad: float, at_ms: float) -> None:
    of, sent = binner(), recording(250)
    sent.voltage[int(at_ms * PER_MS), 1] = bad
    hops = hops_of(of, sent)
    assert ends(hops) == list(range(110, 251, 10))
    assert [end for end, _, invalid in hops if invalid] == [int(at_ms // 10 + 1) * 10]
    assert counted(of) == {InputCounts.USED: 250 * PER_MS - 1, InputCounts.INVALID: 1}


def test_a_column_that_stands_for_nothing_may_hold_anything() -> None:
    """A channel may be switched off, for instance; the others are decoded all the same."""
    sent = recording(200, spikes_of(200))
    expected = hops_of(binner((2, 0)), sent)
    sent.voltage[:, 1] = np.nan
    of = binner((2, 0))
    assert hops_of(of, sent) == expected
    assert counted(of) == {InputCounts.USED: 200 * PER_MS}
    assert not any(invalid for _, _, invalid in expected)


@pytest.mark.parametrize("step_ms", [-3_600_000, 3_600_000])
def test_after_a_step_of_the_clock_the_filter_settles_anew(step_ms: int) -> None:
    of, first, second = binner(), recording(205), recording(75, begin_ms=205 + step_ms)
    hops = hops_of(of, first._replace(arrived_ns=MS), second._replace(arrived_ns=75 * MS))
    assert ends(hops) == [*range(110, 201, 10), step_ms + 270, step_ms + 280]
    assert counted(of) == {InputCounts.USED: 280 * PER_MS, InputCounts.CLOCK_STEPS: 1}


def test_a_reset_forgets_the_open_hop_and_a_restart_lets_the_filter_settle() -> None:
    of, sent = binner(), recording(360)
    pieces = [rows(sent, np.arange(a * 30, b * 30)) for a, b in ((0, 205), (205, 285), (285, 360))]
    assert ends(hops_of(of, pieces[0]))[-1] == 200
    of.reset(0)
    assert ends(hops_of(of, pieces[1])) == list(range(220, 281, 10)), "no sample was lost"
    of.restart(0)
    assert ends(hops_of(of, pieces[2])) == [350, 360], "thresholds once learned stay"
    assert counted(of) == {InputCounts.USED: 360 * PER_MS}


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
def test_the_type_of_the_numbers_does_not_matter_and_is_compiled_beforehand(dtype: type) -> None:
    sent = recording(200, spikes_of(200))
    sent = sent._replace(voltage=np.rint(sent.voltage))
    expected = hops_of(binner(), sent)
    of = binner()
    of.warm_up_as(np.dtype(dtype))
    assert not of.input_counts.any()
    compiled = len(mark_crossings.signatures), len(advance.signatures)
    assert hops_of(of, sent._replace(voltage=sent.voltage.astype(dtype), arrived_ns=MS)) == expected
    assert (len(mark_crossings.signatures), len(advance.signatures)) == compiled
    assert sum(sum(counts) for _, counts, _ in expected) > 50


def test_counts_are_those_of_the_true_spikes() -> None:
    """Spikes are found within 0.3 ms of the truth, so all those well inside a hop count for it."""
    n_ms = 2000
    within = within_hops(n_ms)
    sent = recording(n_ms, within)
    hops = hops_of(binner(), sent)
    time_ns = sent.stamp_ns[[sample for sample, _ in within]] - PERIOD_NS // 2
    numbers = np.array([channel for _, channel in within])
    truth = np.zeros((n_ms // 10, N_CHANNELS), dtype=np.uint8)
    count_events(time_ns, numbers.astype(np.int32), 0, HOP_NS, truth)
    assert [counts for _, counts, _ in hops] == truth[LEARN_MS // 10 :].tolist()
    assert truth.sum() > 1000


def test_spikes_at_the_edge_of_a_hop_are_in_one_of_the_two() -> None:
    edges = [(hop * 300 + k, channel) for channel, k in enumerate((-9, 0, 9)) for hop in (12, 15)]
    hops = {end: counts for end, counts, _ in hops_of(binner(), recording(200, edges))}
    for hop in (12, 15):
        beside = np.array([hops[hop * 10], hops[hop * 10 + 10]])
        assert beside.sum(axis=0).tolist() == [1, 1, 1]
    assert sum(map(sum, hops.values())) == 6
