"""Streams stamped as real amplifiers stamp them are decoded as the same spikes with true times."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.contract.input_counts import FATES, InputCounts
from rt_ner.core.errors import StreamError
from rt_ner.data.session.session import Session
from rt_ner.decoding.binning.raster import CLOCK_STEP_NS, raster_binner
from rt_ner.decoding.chunks import RasterChunk
from rt_ner.decoding.input.settings import Stamps
from rt_ner.decoding.timing.kernels.line import new_timing
from rt_ner.decoding.timing.kernels.steps import take_run
from rt_ner.decoding.timing.timed_binner import TimedBinner
from rt_ner.decoding.timing.timed_events import off_scale
from rt_ner.offline.decoding import Decoding, decode_chunks
from tests.helpers.stamps import UNEVEN, UNEVEN_30_KHZ, at_push, decode, lossy

MS, S = 1_000_000, 1_000_000_000
PERIOD_NS, HOP_NS = MS, 10 * MS
N = 10_000


@pytest.fixture(scope="module")
def counts(small_session: Session) -> np.ndarray:
    chunks = small_session.spikes.raster(0, N * MS)
    return np.concatenate([chunk.counts for chunk in chunks])


def offline(
    bundle: Bundle, true_ns: np.ndarray, counts: np.ndarray, period_ns: float = PERIOD_NS
) -> Decoding:
    binner = raster_binner(counts.shape[1], bundle.model.window.hop_ns, period_ns)
    return decode_chunks(bundle.model, binner, [RasterChunk(true_ns, counts)])


Truth = Callable[[float], tuple[np.ndarray, Decoding]]


@pytest.fixture(scope="module")
def truth_at(small_bundle: Bundle, counts: np.ndarray) -> Truth:
    """Return true stamps at 1 kHz times a rate, and what is decoded from them: once per rate."""

    @cache
    def truth(rate: float) -> tuple[np.ndarray, Decoding]:
        true_ns = np.rint(np.arange(1, N + 1) * PERIOD_NS / rate).astype(np.int64)
        return true_ns, offline(small_bundle, true_ns, counts)

    return truth


@pytest.fixture(scope="module")
def crossings(counts: np.ndarray) -> np.ndarray:
    """The counts at 30 kHz."""
    crossings = np.zeros((30 * N, counts.shape[1]), dtype=np.int8)
    crossings[15::30] = counts
    return crossings


@pytest.fixture(scope="module")
def truth_at_30_khz(small_bundle: Bundle, crossings: np.ndarray) -> Truth:
    @cache
    def truth(rate: float) -> tuple[np.ndarray, Decoding]:
        period_ns = 1e9 / 30_000
        true_ns = np.rint(np.arange(1, len(crossings) + 1) * period_ns / rate).astype(np.int64)
        return true_ns, offline(small_bundle, true_ns, crossings, period_ns)

    return truth


def r2(live: Decoding, truth: Decoding) -> float:
    """Return the R² of velocities at the same times; at most a tenth may have no counterpart."""
    true_of = dict(zip(truth.end_ns.tolist(), truth.values, strict=True))
    ends = [end_ns for end_ns in live.end_ns.tolist() if end_ns in true_of]
    assert len(ends) > 0.9 * live.end_ns.size
    true = np.array([true_of[end_ns] for end_ns in ends])
    got = live.values[np.isin(live.end_ns, ends)]
    return float(1 - ((got - true) ** 2).sum() / ((true - true.mean(axis=0)) ** 2).sum())


@pytest.mark.parametrize("rate", [0.9987, 1.02])
@pytest.mark.parametrize("name", UNEVEN)
def test_uneven_stamps_decode(
    small_bundle: Bundle,
    counts: np.ndarray,
    truth_at: Truth,
    name: str,
    rate: float,
    rng: np.random.Generator,
) -> None:
    true_ns, truth = truth_at(rate)
    live, _ = decode(small_bundle, UNEVEN[name](true_ns, rng), counts)
    assert r2(live, truth) >= 0.99
    assert live.end_ns[0] < 3 * S


@pytest.mark.parametrize("rate", [0.98, 1.02])
@pytest.mark.parametrize("name", UNEVEN_30_KHZ)
def test_uneven_stamps_decode_at_30_khz(
    small_bundle: Bundle,
    crossings: np.ndarray,
    truth_at_30_khz: Truth,
    name: str,
    rate: float,
    rng: np.random.Generator,
) -> None:
    true_ns, truth = truth_at_30_khz(rate)
    stamp_ns = UNEVEN_30_KHZ[name](true_ns, rng)
    live, _ = decode(small_bundle, stamp_ns, crossings, rate_hz=30_000.0)
    assert r2(live, truth) >= 0.99
    assert live.end_ns[0] < 3 * S


@pytest.mark.parametrize("rate", [0.98, 0.9987, 1.0, 1.02])
def test_even_stamps_pass_bit_for_bit(
    small_bundle: Bundle, counts: np.ndarray, truth_at: Truth, rate: float
) -> None:
    true_ns, truth = truth_at(rate)
    live, counted = decode(small_bundle, true_ns, counts)
    assert live.values.tobytes() == truth.values.tobytes()
    assert live.end_ns.tolist() == truth.end_ns.tolist()
    assert counted == {InputCounts.USED: N}


@pytest.mark.parametrize("off_ms", [3_600_000, -3_600_000, 300, -300, 50, -50.3, 12, -12.3])
def test_one_wild_stamp_costs_its_own_sample(
    small_bundle: Bundle, counts: np.ndarray, truth_at: Truth, off_ms: float
) -> None:
    true_ns, truth = truth_at(1.0)
    stamp_ns = true_ns.copy()
    stamp_ns[[3005, 6005]] += round(off_ms * MS)
    live, counted = decode(small_bundle, stamp_ns, counts)
    assert live.end_ns.tolist() == truth.end_ns.tolist(), "no hop is lost"
    assert r2(live, truth) >= 0.999
    n_stray = counted.get(InputCounts.INVALID, 0) + counted.get(InputCounts.LATE, 0)
    assert (counted[InputCounts.USED], n_stray) == (N - 2, 2)
    assert InputCounts.CLOCK_STEPS not in counted


@pytest.mark.parametrize("step_ms", [3_600_000, -3_600_000])
def test_a_step_with_a_second_witness_is_followed(
    small_bundle: Bundle, counts: np.ndarray, step_ms: int
) -> None:
    stamp_ns = np.arange(1, N + 1) * PERIOD_NS
    stamp_ns[5000:] += step_ms * MS
    live, counted = decode(small_bundle, stamp_ns, counts)
    assert counted[InputCounts.USED] == N
    assert live.end_ns.size > 0.85 * N // 10


@pytest.mark.parametrize("scale", [1000, 30_000])
def test_stamps_that_are_no_seconds_are_refused(
    small_bundle: Bundle, counts: np.ndarray, scale: int
) -> None:
    with pytest.raises(StreamError, match=rf"advance {scale:,} s in each second.*ticks"):
        decode(small_bundle, np.arange(1, N + 1) * PERIOD_NS * scale, counts)


def test_spikes_that_come_ever_later_may_be_too_many() -> None:
    assert "send less" in str(off_scale(0.2, "that passes"))
    for scale in (0.0, -1.0, 3.0, 30_000.0):
        assert "send less" not in str(off_scale(scale, "that passes"))


def test_stamps_as_sent_are_never_smoothed(small_bundle: Bundle, counts: np.ndarray) -> None:
    true_ns = np.arange(1, N + 1) * PERIOD_NS
    stamp_ns = at_push(30)(true_ns, np.random.default_rng(0))
    _, counted = decode(small_bundle, stamp_ns, counts, "as-sent")
    assert InputCounts.SMOOTHED not in counted


def test_smoothing_even_stamps_changes_little(
    small_bundle: Bundle, counts: np.ndarray, truth_at: Truth
) -> None:
    true_ns, truth = truth_at(1.0)
    live, counted = decode(small_bundle, true_ns, counts, "smoothed")
    assert counted[InputCounts.SMOOTHED] > 0.9 * N
    assert r2(live, truth) >= 0.999


@pytest.mark.parametrize("n_burst", [7, 30, 300])
@pytest.mark.parametrize("rate", [0.98, 1.0, 1.02])
def test_the_line_finds_the_true_times_at_30_khz(n_burst: int, rate: float) -> None:
    period_ns = 1e9 / 30_000
    true_ns = np.rint(np.arange(1, 150_001) * period_ns / rate).astype(np.int64)
    rng = np.random.default_rng(0)
    pushed_ns = at_push(n_burst, 200)(true_ns, rng)
    timing = new_timing(period_ns, True, False)
    time_ns = np.zeros_like(pushed_ns)
    assert take_run(pushed_ns, 0, time_ns, timing) == pushed_ns.size
    off_ms = (time_ns - true_ns)[120_000:] / MS
    assert np.abs(off_ms).max() < 1.0
    assert (np.diff(time_ns[120_000:]) > 0).all()


@settings(max_examples=15)
@given(
    seed=st.integers(0, 1000),
    faults=st.lists(
        st.tuples(
            st.sampled_from(["withhold", "repeat", "swap", "wild", "late"]),
            st.integers(1, 1900),
            st.integers(1, 40),
        ),
        max_size=6,
    ),
    cuts=st.lists(st.integers(0, 2100), max_size=30),
    uneven=st.booleans(),
)
def test_chunks_do_not_matter_and_all_that_arrived_is_accounted_for(
    seed: int, faults: list[tuple[str, int, int]], cuts: list[int], uneven: bool
) -> None:
    rng = np.random.default_rng(seed)
    stamp_ns = np.arange(1, 2001) * PERIOD_NS
    if uneven:
        stamp_ns = at_push(int(rng.integers(2, 60)))(stamp_ns, rng)
    order = list(range(2000))
    for what, at, n in faults:
        inject(what, at, n, order, stamp_ns)
    stamp_ns = stamp_ns[order]
    counts = rng.integers(0, 3, (len(order), 2)).astype(np.int16)
    edges = sorted({0, len(order), *(min(cut, len(order)) for cut in cuts)})
    results = []
    for pieces in ([0, len(order)], edges, list(range(len(order) + 1))[:: 1 + seed % 7]):
        ends = sorted({*pieces, len(order)})
        binner = TimedBinner(
            raster_binner(2, HOP_NS, PERIOD_NS), PERIOD_NS, CLOCK_STEP_NS, Stamps.AUTO
        )
        hops = [
            (end_ns, binner.counts.tolist())
            for first, last in zip(ends, ends[1:], strict=False)
            for end_ns in binner.push(RasterChunk(stamp_ns[first:last], counts[first:last]))
        ]
        binner.restart(0)
        results.append((hops, binner.input_counts.tolist()))
        assert sum(binner.input_counts[fate] for fate in FATES) == len(order)
        assert binner.input_counts[InputCounts.MISSING] >= 0
    assert results[1:] == results[:-1]


def inject(what: str, at: int, n: int, order: list[int], stamp_ns: np.ndarray) -> None:
    if what == "withhold":
        del order[at : at + n]
    elif what == "repeat":
        order[at:at] = order[max(at - n, 0) : at]
    elif what == "swap":
        order[at : at + 2] = order[at : at + 2][::-1]
    elif what == "late":
        order.insert(at, order.pop(max(at - n, 0)))
    else:
        stamp_ns[at] += n * 1000 * MS


@pytest.mark.parametrize("n_withheld", [1, 3, 30, 700])
def test_missing_is_what_was_withheld(n_withheld: int) -> None:
    stamp_ns = np.delete(np.arange(1, 2001) * PERIOD_NS, slice(1000, 1000 + n_withheld))
    binner = TimedBinner(raster_binner(2, HOP_NS, PERIOD_NS), PERIOD_NS, CLOCK_STEP_NS, Stamps.AUTO)
    for _ in binner.push(RasterChunk(stamp_ns, np.ones((stamp_ns.size, 2), dtype=np.int16))):
        pass
    assert binner.input_counts[InputCounts.MISSING] == n_withheld


@pytest.mark.parametrize("lost", [0.2, 0.4])
def test_exact_stamps_stay_as_sent_however_many_are_lost_repeated_and_overtaken(
    lost: float, rng: np.random.Generator
) -> None:
    stamp_ns = lossy(lost, rng)
    counts = rng.integers(0, 3, (stamp_ns.size, 2)).astype(np.int16)
    results = []
    for stamps in (Stamps.AUTO, Stamps.AS_SENT):
        binner = TimedBinner(raster_binner(2, HOP_NS, PERIOD_NS), PERIOD_NS, CLOCK_STEP_NS, stamps)
        hops = [
            (end_ns, binner.counts.tolist())
            for end_ns in binner.push(RasterChunk(stamp_ns, counts))
        ]
        results.append((hops, binner.input_counts.tolist()))
    assert results[0] == results[1]
    assert binner.input_counts[InputCounts.MISSING] > 0.9 * lost * 20_000
