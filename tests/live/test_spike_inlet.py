"""The inlet on real LSL, over loopback: what is sent is what is counted, and losses are told."""

import math
import socket
from collections.abc import Sequence

import numpy as np
import pylsl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt_ner.core.clock import NS_PER_S, ns_array_from_s, ns_from_s
from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.core.errors import SourceLostError
from rt_ner.decoding.binning.binner import SpikeBinner
from rt_ner.decoding.binning.events import EventBinner
from rt_ner.decoding.binning.kernels import events, raster
from rt_ner.decoding.binning.raster import raster_binner
from rt_ner.decoding.chunks import Chunk, EventChunk
from rt_ner.decoding.input.settings import InputKind
from rt_ner.lsl.spikes.spike_inlet import SpikeInlet
from rt_ner.lsl.spikes.times import take_times
from rt_ner.lsl.streams import local_now_ns
from tests.helpers.waiting import LONGEST_S, wait_until

MS = 1_000_000
HOP_NS, STEP_NS = 10 * MS, 200 * MS
FORMATS = {
    pylsl.cf_int8: np.int8,
    pylsl.cf_int16: np.int16,
    pylsl.cf_int32: np.int32,
    pylsl.cf_int64: np.int64,
    pylsl.cf_float32: np.float32,
    pylsl.cf_double64: np.float64,
}


class Sender:
    """A source of our own, with an inlet on it."""

    def __init__(
        self,
        source_id: str,
        labels: Sequence[str],
        rate_hz: float,
        lsl_format: int = pylsl.cf_int16,
    ) -> None:
        made = pylsl.StreamInfo("it", "Spikes", len(labels), rate_hz, lsl_format, source_id)
        made.set_channel_labels(list(labels))
        # A buffer for 100 000 events: what is pushed at once must not be lost on our side.
        self.outlet: pylsl.StreamOutlet | None = pylsl.StreamOutlet(made, max_buffered=1000)
        (found,) = pylsl.resolve_byprop("source_id", source_id, 1, LONGEST_S)
        self.inlet = SpikeInlet(found, InputKind.AUTO)

    def open(self, binner: SpikeBinner) -> SpikeInlet:
        self.inlet.open(binner, STEP_NS)
        assert self.outlet
        assert self.outlet.wait_for_consumers(LONGEST_S)
        return self.inlet

    def push(self, samples: object, stamps_s: list[float] | float) -> None:
        assert self.outlet
        self.outlet.push_chunk(samples, stamps_s)


def pulled(inlet: SpikeInlet, n: int) -> Chunk:
    """The next ``n`` samples: however they were sent, they may come in pieces."""
    parts: list[Sequence[np.ndarray]] = []
    while sum(len(part[0]) for part in parts) < n:
        chunk = inlet.pull(LONGEST_S)
        assert chunk is not None
        # The inlet uses its buffers again.
        parts.append([np.copy(array) for array in chunk if isinstance(array, np.ndarray)])
    return type(chunk)(*map(np.concatenate, zip(*parts, strict=True)), chunk.arrived_ns)


def event_counter() -> EventBinner:
    table = np.repeat(np.arange(3, dtype=np.int32)[:, None], 4, axis=1)
    return EventBinner(3, table, (HOP_NS, 0, STEP_NS), base=1)


@pytest.mark.parametrize("lsl_format", FORMATS)
def test_a_raster_of_any_format_gives_the_same_counts(lsl_format: int, source_id: str) -> None:
    """And nothing is compiled for it once the binner has been warmed up."""
    counts = np.random.default_rng(0).integers(0, 5, (500, 3))
    binner = raster_binner(3, HOP_NS, MS, step_ns=STEP_NS)
    sender = Sender(source_id, "ABC", 1000, lsl_format)
    assert sender.inlet.dtype == FORMATS[lsl_format]
    binner.warm_up_as(sender.inlet.dtype)
    compiled = len(raster.advance.signatures)
    inlet = sender.open(binner)
    hops: list[list[float]] = []
    for rows in np.split(np.arange(500), [7, 8]):
        sender.push(counts[rows], [100 + (row + 1) / 1000 for row in rows])
        while binner.input_counts[InputCounts.USED] <= rows[-1]:
            chunk = inlet.pull(LONGEST_S)
            assert chunk is not None
            hops += [binner.counts.tolist() for _ in binner.push(chunk)]
    assert hops == counts.reshape(50, 10, 3).sum(axis=1).tolist()
    assert binner.input_counts.sum() == 500
    assert len(raster.advance.signatures) == compiled


@pytest.mark.parametrize("lsl_format", FORMATS)
def test_events_of_any_format_carry_channel_and_unit(lsl_format: int, source_id: str) -> None:
    binner = event_counter()
    sender = Sender(source_id, ["w0", "Unit", "channel"], 0, lsl_format)
    binner.warm_up_as(sender.inlet.dtype)
    compiled = len(events.advance.signatures)
    inlet = sender.open(binner)
    sender.push([[7, 1, 3], [7, 0, 1], [-7, 3, 2]], [100.001, 100.002, 100.003])
    chunk = pulled(inlet, 3)
    assert (chunk.time_ns // 1000).tolist() == [100_001_000, 100_002_000, 100_003_000]
    assert (chunk.channel.tolist(), chunk.unit.tolist()) == ([3, 1, 2], [1, 0, 3])
    assert 0 <= local_now_ns() - chunk.arrived_ns < LONGEST_S * NS_PER_S
    binner.restart(100 * NS_PER_S)
    assert not list(binner.push(chunk._replace(arrived_ns=0)))
    assert len(events.advance.signatures) == compiled


@given(st.lists(st.floats(-1e9, 1e9), max_size=20), st.integers(-(2**61), 2**61))
def test_times_are_taken_as_they_are_everywhere(stamps_s: list[float], offset_ns: int) -> None:
    time_ns = np.zeros(len(stamps_s), dtype=np.int64)
    assert take_times(np.array(stamps_s), offset_ns, time_ns)
    assert np.array_equal(time_ns, ns_array_from_s(np.array(stamps_s)) + offset_ns)


@given(st.lists(st.sampled_from([1.5, 2.0**40, -math.inf, math.inf, math.nan]), max_size=8))
def test_what_is_no_time_is_left_out(stamps_s: list[float]) -> None:
    stamps = np.array(stamps_s)
    time_ns = np.full(len(stamps), -1, dtype=np.int64)
    is_time = stamps == 1.5
    assert take_times(stamps, 0, time_ns) == is_time.all()
    assert (time_ns == np.where(is_time, ns_from_s(1.5), -1)).all()


def test_silence_of_events_is_a_chunk_and_silence_of_a_raster_is_none(source_id: str) -> None:
    silent = Sender(source_id, ["channel"], 0)
    before_ns = local_now_ns()
    chunk = silent.open(event_counter()).pull(0.001)
    assert chunk is not None
    assert len(chunk.time_ns) == len(chunk.channel) == len(chunk.unit) == 0
    assert before_ns < chunk.arrived_ns <= local_now_ns()
    silent = Sender(source_id + "-raster", ["A"], 1000)
    assert silent.open(raster_binner(1, HOP_NS, MS)).pull(0.001) is None


def test_events_that_are_sent_with_one_stamp_arrive_with_it(source_id: str) -> None:
    sender = Sender(source_id, ["channel", "unit"], 0)
    inlet = sender.open(event_counter())
    sender.push([[1, 0], [1, 0], [2, 1], [3, 0]], 100.5)
    chunk = pulled(inlet, 4)
    assert chunk.time_ns.tolist() == [100_500 * MS] * 4
    assert chunk.channel.tolist() == [1, 1, 2, 3]


@pytest.mark.parametrize("bad_s", [math.nan, math.inf, 1.7e12])
@pytest.mark.parametrize("rate_hz", [0, 1000])
def test_samples_without_a_time_are_dropped_and_counted(
    bad_s: float, rate_hz: float, source_id: str
) -> None:
    """NaN, or the milliseconds since 1970 where seconds belong."""
    sender = Sender(source_id, ["channel"], rate_hz)
    binner = event_counter() if rate_hz == 0 else raster_binner(1, HOP_NS, MS)
    inlet = sender.open(binner)
    sender.push([[1], [2], [3], [4], [5]], [bad_s, 100.001, bad_s, 100.002, bad_s])
    sender.push([[6]], [100.003])
    chunk = pulled(inlet, 3)
    assert chunk[1].ravel().tolist() == [2, 4, 6]
    assert np.rint(chunk[0] / MS).tolist() == [100_001, 100_002, 100_003]
    assert binner.input_counts[InputCounts.INVALID] == binner.input_counts.sum() == 3


def test_while_more_events_wait_the_present_says_nothing(source_id: str) -> None:
    """Not even if some of those that came are dropped: silence would be made of what waits."""
    sender = Sender(source_id, ["channel"], 0)
    inlet = sender.open(event_counter())
    n_at_once, stamps_s = 65_536, np.linspace(100, 101, 65_536 + 10)
    stamps_s[5] = np.nan
    sender.push(np.ones((n_at_once + 10, 1)), stamps_s.tolist())
    wait_until(lambda: inlet.n_waiting() == n_at_once + 10)
    first = inlet.pull(LONGEST_S)
    assert first is not None
    assert isinstance(first, EventChunk)
    assert (len(first.time_ns), first.complete) == (n_at_once - 1, False)
    rest = inlet.pull(LONGEST_S)
    assert isinstance(rest, EventChunk)
    assert (len(rest.time_ns), rest.complete) == (10, True)


def test_what_comes_while_this_process_pauses_after_a_pull_is_not_late(
    source_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The present says nothing of what came before it and waits."""
    sender = Sender(source_id, ["channel"], 0)
    inlet = sender.open(event_counter())

    def now_after_a_pause() -> int:
        sender.push([[1]], [local_now_ns() / NS_PER_S])
        wait_until(lambda: inlet.n_waiting() == 1)
        return local_now_ns()

    monkeypatch.setattr("rt_ner.lsl.spikes.spike_inlet.local_now_ns", now_after_a_pause)
    chunk = inlet.pull(0.0)
    assert isinstance(chunk, EventChunk)
    assert (len(chunk.time_ns), chunk.complete) == (0, False)


def test_what_is_flushed_is_counted_as_skipped(source_id: str) -> None:
    sender = Sender(source_id, ["A"], 1000)
    binner = raster_binner(1, HOP_NS, MS)
    inlet = sender.open(binner)
    sender.push(np.ones((300, 1)), [100 + k / 1000 for k in range(300)])
    wait_until(lambda: inlet.n_waiting() == 300)
    inlet.flush()
    assert inlet.n_waiting() == 0
    assert binner.input_counts[InputCounts.SKIPPED] == binner.input_counts.sum() == 300
    sender.push([[1]], [101.0])
    assert np.rint(pulled(inlet, 1)[0] / MS).tolist() == [101_000]


@pytest.mark.parametrize("rate_hz", [0, 1000])
@pytest.mark.parametrize("n", [0, 50, 3000])
def test_a_source_that_is_gone_is_told_and_nothing_goes_with_it_unsaid(
    rate_hz: float, n: int, source_id: str
) -> None:
    sender = Sender(source_id, ["channel"], rate_hz)
    binner = event_counter() if rate_hz == 0 else raster_binner(1, HOP_NS, MS)
    inlet = sender.open(binner)
    if n:
        sender.push(np.ones((n, 1)), [100 + k / 1000 for k in range(n)])
    wait_until(lambda: inlet.n_waiting() == n)
    sender.outlet = None
    wait_until(lambda: inlet.n_waiting() == n + 1)
    n_pulled = 0

    def is_lost() -> bool:
        nonlocal n_pulled
        try:
            chunk = inlet.pull(0.01)
        except SourceLostError:
            return True
        n_pulled += len(chunk[0]) if chunk else 0
        return False

    wait_until(is_lost)
    assert n_pulled + binner.input_counts[InputCounts.SKIPPED] == n


def test_a_source_that_goes_before_it_is_opened_is_lost(source_id: str) -> None:
    sender = Sender(source_id, ["A"], 1000)
    sender.outlet = None
    with pytest.raises(SourceLostError):
        sender.inlet.open(raster_binner(1, HOP_NS, MS), STEP_NS)


def test_times_of_another_host_are_moved_to_ours(
    source_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
    estimates_s = iter([5.0, 5.0001, 1000.0])
    monkeypatch.setattr(pylsl.StreamInlet, "time_correction", lambda *_: next(estimates_s, 1000.0))
    monkeypatch.setattr("rt_ner.lsl.spikes.spike_inlet._FOLLOW_EVERY_NS", 0)
    sender = Sender(source_id, ["A"], 1000)
    binner = raster_binner(1, HOP_NS, MS)
    inlet = sender.open(binner)
    assert inlet.offset_ns == 5 * NS_PER_S
    sender.push([[1]], [100.0])
    chunk = pulled(inlet, 1)
    drift_ns = int(chunk.stamp_ns[0]) - 105 * NS_PER_S
    assert 0 <= drift_ns == inlet.offset_ns - 5 * NS_PER_S <= 100_000
    assert binner.input_counts[InputCounts.CLOCK_STEPS] == 0
    sender.push([[1]], [100.001])
    chunk = pulled(inlet, 1)
    assert chunk.stamp_ns.tolist() == [1_100_001 * MS]
    assert binner.input_counts[InputCounts.CLOCK_STEPS] == 1
