"""The loop on real LSL, over loopback: what is decoded, in which state, and what is refused."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pylsl
import pytest

from drivers.replay import Part, Replay
from offline_training.evaluate import decode_session
from rt_ner.bundle import Bundle
from rt_ner.clock import nearest_grid_line_ns, next_grid_line_ns, ns_from_s, s_from_ns
from rt_ner.config import DecodeSettings, checked_settings
from rt_ner.errors import StreamError
from rt_ner.loop import Loop
from rt_ner.session import Session
from rt_ner.states import Command, State
from rt_ner.streams import (
    SESSION_END,
    SESSION_ZERO,
    TIMING_LABELS,
    Kind,
    find_stream,
    local_now_ns,
    open_outlet,
    source_id_of,
    wish_for,
)

MS = 1_000_000
WAIT_S = 8.0


def never() -> bool:
    return False


class Decoding:
    """A loop in a thread of its own; its states arrive in a queue."""

    def __init__(self, bundle: Bundle, source: str, **input_settings: object) -> None:
        self.stop = threading.Event()
        self.states: queue.Queue[State | Exception] = queue.Queue()
        self.notices: queue.Queue[str] = queue.Queue()
        settings = checked_settings(
            {
                "input": {"source_id": source_id_of(source, Kind.SPIKES), "wait_s": WAIT_S}
                | input_settings,
                "output": {"source": f"decoder-{source}"},
            },
            DecodeSettings,
            "test",
        )
        self.name = f"decoder-{source}"
        self.loop = Loop(bundle.model, settings, self.stop, self._hear)
        self._thread = threading.Thread(target=self._run)

    def _hear(self, said: str) -> None:
        (self.states if isinstance(said, State) else self.notices).put(said)

    def _run(self) -> None:
        try:
            self.loop.run()
        except StreamError as error:
            self.states.put(error)

    def __enter__(self) -> "Decoding":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._thread.join(WAIT_S)

    def expect(self, *states: State) -> None:
        for state in states:
            assert self.states.get(timeout=WAIT_S) == state

    def expect_error(self, pattern: str) -> None:
        while not isinstance(outcome := self.states.get(timeout=WAIT_S), Exception):
            pass
        with pytest.raises(StreamError, match=pattern):
            raise outcome


def inlet(source: str, kind: Kind) -> pylsl.StreamInlet:
    info = find_stream(wish_for(source, kind), WAIT_S, never)
    opened = pylsl.StreamInlet(info, recover=False)
    opened.open_stream(WAIT_S)
    return opened


def pulled(stream: pylsl.StreamInlet, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The next ``n`` samples and their stamps in ns."""
    samples, stamps_s = stream.pull_chunk(WAIT_S, n)
    assert len(stamps_s) == n
    return np.array(samples), np.array([ns_from_s(stamp_s) for stamp_s in stamps_s])


class Source:
    """A raster source that is pushed by hand: one millisecond of random counts at a time."""

    def __init__(self, name: str, channel_ids: tuple[str, ...]) -> None:
        self._outlet = open_outlet(name, Kind.SPIKES, channel_ids, "spikes", MS)
        self._counts = np.random.default_rng(0).poisson(0.02, (500, len(channel_ids)))
        self.now_ns = next_grid_line_ns(local_now_ns(), 30 * MS)

    def wait_for_listener(self) -> None:
        assert self._outlet.wait_for_consumers(WAIT_S)

    def push(self, n_ms: int) -> None:
        stamps_s = [s_from_ns(self.now_ns + k * MS) for k in range(1, n_ms + 1)]
        self._outlet.push_chunk(self._counts[:n_ms].astype(np.int16), stamps_s)
        self.now_ns += n_ms * MS


def history_ms(bundle: Bundle) -> int:
    window = bundle.manifest.window
    return window.n_hops * window.hop_ns // MS


def test_velocity_is_zero_until_history_is_full_and_after_data_stop(
    small_bundle: Bundle, source_id: str
) -> None:
    channel_ids = small_bundle.manifest.channel_ids
    source = Source(source_id, channel_ids)
    n_warming = history_ms(small_bundle) // 10 - 1
    with Decoding(small_bundle, source_id) as decoding:
        velocity, states = inlet(decoding.name, Kind.VELOCITY), inlet(decoding.name, Kind.STATE)
        source.wait_for_listener()
        decoding.expect(State.CONNECTING, State.WARMING)
        source.push(history_ms(small_bundle) + 20)
        decoding.expect(State.RUNNING, State.STALE)
        values, stamps_ns = pulled(velocity, n_warming + 4)
        assert not values[:n_warming].any()
        assert values[n_warming : n_warming + 3].any(axis=1).all()
        assert not values[-1].any(), "the cursor must stop when data stop"
        assert set(np.diff(np.rint(stamps_ns[:-1] / MS))) == {10}
        # Data again: the history must fill anew before anything moves.
        source.now_ns += 1000 * MS
        source.push(10)
        decoding.expect(State.WARMING)
        source.push(history_ms(small_bundle) - 10)
        decoding.expect(State.RUNNING)
        values, _ = pulled(velocity, n_warming + 1)
        assert not values[:-1].any()
        assert values[-1].any()
        decoding.stop.set()
        values, _ = pulled(velocity, 1)
        assert not values.any(), "the cursor must stop when the decoder does"
        names = [name for name, _ in _until(states, State.STOPPED)]
        assert names[-5:] == ["RUNNING", "STALE", "WARMING", "RUNNING", "STOPPED"]


def test_a_source_that_comes_back_is_decoded_again(small_bundle: Bundle, source_id: str) -> None:
    channel_ids = small_bundle.manifest.channel_ids
    with Decoding(small_bundle, source_id) as decoding:
        for _ in range(2):
            source = Source(source_id, channel_ids)
            source.wait_for_listener()
            decoding.expect(State.CONNECTING, State.WARMING)
            source.push(history_ms(small_bundle))
            decoding.expect(State.RUNNING)
            del source
            # Whichever the decoder notices first: no data, or no source.
            if decoding.states.get(timeout=WAIT_S) == State.STALE:
                continue
            decoding.states.put(State.CONNECTING)
    assert decoding.loop.totals.n_connections == 2


def test_data_that_are_not_used_do_not_keep_the_cursor_moving(
    small_bundle: Bundle, source_id: str
) -> None:
    """A source that sends the same samples again and again is as good as silent."""
    source = Source(source_id, small_bundle.manifest.channel_ids)
    with Decoding(small_bundle, source_id) as decoding:
        velocity = inlet(decoding.name, Kind.VELOCITY)
        source.wait_for_listener()
        decoding.expect(State.CONNECTING, State.WARMING)
        source.push(history_ms(small_bundle))
        decoding.expect(State.RUNNING)
        n_repeats = 0
        while decoding.states.empty():
            source.now_ns -= 5 * MS
            source.push(5)
            n_repeats += 5
            decoding.stop.wait(0.005)
        decoding.expect(State.STALE)
        n_hops = history_ms(small_bundle) // 10
        values, _ = pulled(velocity, n_hops + 1)
        assert values[-2].any()
        assert not values[-1].any()
        source.push(history_ms(small_bundle) + 10)
        decoding.expect(State.RUNNING)
    assert decoding.loop.totals.counts()["duplicate"] == n_repeats


@pytest.mark.parametrize("step_s", [3600, -3600])
def test_a_step_of_the_sources_clock_is_counted_and_followed(
    small_bundle: Bundle, source_id: str, step_s: int
) -> None:
    source = Source(source_id, small_bundle.manifest.channel_ids)
    with Decoding(small_bundle, source_id) as decoding:
        source.wait_for_listener()
        decoding.expect(State.CONNECTING, State.WARMING)
        source.push(history_ms(small_bundle))
        decoding.expect(State.RUNNING)
        source.now_ns += step_s * 1000 * MS
        source.push(20)
        decoding.expect(State.WARMING)
        source.push(history_ms(small_bundle))
        decoding.expect(State.RUNNING)
    counts = decoding.loop.totals.counts()
    assert counts["clock_steps"] == 1
    assert counts["missing"] == counts["late"] == 0


def test_a_lost_source_is_not_replaced_by_another(small_bundle: Bundle, source_id: str) -> None:
    channel_ids = small_bundle.manifest.channel_ids
    source = Source(source_id, channel_ids)
    wish = {"source_id": "", "name": f"{source_id}-{Kind.SPIKES}"}
    with Decoding(small_bundle, source_id, **wish) as decoding:
        source.wait_for_listener()
        decoding.expect(State.CONNECTING, State.WARMING)
        # Of the same name and shape, but not the one that was connected.
        info = pylsl.StreamInfo(wish["name"], "Spikes", 96, 1000.0, pylsl.cf_int16, "stranger")
        info.set_channel_labels(list(channel_ids))
        stranger = pylsl.StreamOutlet(info)
        del source
        decoding.expect(State.CONNECTING)
        assert not stranger.wait_for_consumers(2.0)
        again = Source(source_id, channel_ids)
        again.wait_for_listener()
        decoding.expect(State.WARMING)
    assert decoding.loop.totals.n_connections == 2


def test_every_stage_is_stamped_in_order(small_bundle: Bundle, source_id: str) -> None:
    source = Source(source_id, small_bundle.manifest.channel_ids)
    with Decoding(small_bundle, source_id) as decoding:
        timing = inlet(decoding.name, Kind.TIMING)
        source.wait_for_listener()
        decoding.expect(State.CONNECTING, State.WARMING)
        source.push(history_ms(small_bundle))
        rows, stamps_ns = pulled(timing, history_ms(small_bundle) // 10)
    columns = dict(zip(TIMING_LABELS, rows.T, strict=True))
    stages = ["arrived", "bin_closed", "embedded", "decoded", "pushed"]
    assert (np.diff(np.stack([columns[stage] for stage in stages]), axis=0) >= 0).all()
    # Each hop is closed by the sample stamped at its end.
    newest_ns = np.array([ns_from_s(stamp_s) for stamp_s in columns["newest_sample"]])
    assert np.abs(newest_ns - stamps_ns).max() < 1000
    for count in ("late", "missing", "nonfinite"):
        assert not columns[count].any()


@pytest.mark.parametrize("speed", [1.0, 10.0])
def test_a_replay_gives_the_offline_velocities_bit_for_bit(
    small_bundle: Bundle, small_session: Session, source_id: str, speed: float
) -> None:
    offline = decode_session(small_bundle.model, small_session)
    # Real time costs real time: three trials of it, the whole session at speed 10.
    first = 13 if speed == 1.0 else 0
    part = Part(int(small_session.trials.start_ns[first]), small_session.end_ns, speed)
    replay = Replay(small_session, source_id, threading.Event())
    with Decoding(small_bundle, source_id) as decoding:
        velocity = inlet(decoding.name, Kind.VELOCITY)
        markers = inlet(source_id, Kind.MARKERS)
        replay.wait_for_listeners([Kind.SPIKES, Kind.MARKERS])
        playing = threading.Thread(target=replay.play, args=(part, lambda _: None))
        playing.start()
        rows: dict[int, bytes] = {}
        zero_ns = None
        while playing.is_alive():
            sample, stamp_s = markers.pull_sample(0.0)
            if sample == [SESSION_ZERO]:
                zero_ns = nearest_grid_line_ns(ns_from_s(stamp_s), 10 * MS)
            for values, stamp_s in zip(*velocity.pull_chunk(0.05, 64), strict=True):
                end_ns = nearest_grid_line_ns(ns_from_s(stamp_s), 10 * MS)
                rows[end_ns] = np.float32(values).tobytes()
        playing.join()
    assert zero_ns is not None
    expected = {
        int(end_ns) + zero_ns: row.tobytes()
        for end_ns, row in zip(offline.end_ns, offline.velocity_cm_s, strict=True)
        if end_ns >= part.begin_ns + (history_ms(small_bundle) + 10) * MS
    }
    assert len(expected) > 200
    assert {end_ns: rows.get(end_ns) for end_ns in expected} == expected
    counts = decoding.loop.totals.counts()
    assert counts["late"] == counts["missing"] == counts["passed_over"] == 0


def test_a_replay_tells_the_truth_beside_the_spikes(small_session: Session, source_id: str) -> None:
    part = Part(int(small_session.trials.start_ns[14]), small_session.end_ns, speed=20.0)
    replay = Replay(small_session, source_id, threading.Event())
    kinds = (Kind.SPIKES, Kind.KINEMATICS, Kind.MARKERS, Kind.PUSHED)
    inlets = {kind: inlet(source_id, kind) for kind in kinds}
    replay.wait_for_listeners(kinds)
    replay.play(part, lambda _: None)
    events, event_ns = zip(*_until(inlets[Kind.MARKERS], SESSION_END), strict=True)
    assert events[0] == SESSION_ZERO
    begins = [text for text in events if text.startswith("trial_start")]
    assert begins == ["trial_start 14", "trial_start 15"]
    zero_ns = event_ns[0]
    n_samples = (small_session.end_ns - part.begin_ns) // MS
    counts, stamps_ns = pulled(inlets[Kind.SPIKES], n_samples)
    raster = np.concatenate(
        [chunk.counts for chunk in small_session.spikes.raster(part.begin_ns, part.end_ns)]
    )
    np.testing.assert_array_equal(counts, raster)
    assert np.abs(stamps_ns - zero_ns - part.begin_ns - np.arange(1, n_samples + 1) * MS).max() < 9
    kinematics = small_session.kinematics
    chosen = kinematics.time_ns > part.begin_ns
    chosen &= kinematics.time_ns <= part.end_ns
    velocity_cm_s, _ = pulled(inlets[Kind.KINEMATICS], int(chosen.sum()))
    np.testing.assert_array_equal(velocity_cm_s, kinematics.velocity_cm_s[chosen])
    pushed_s, _ = pulled(inlets[Kind.PUSHED], n_samples)
    assert (np.diff(pushed_s[:, 0]) >= 0).all()


def test_a_looping_replay_goes_on_without_a_gap(small_session: Session, source_id: str) -> None:
    stop = threading.Event()
    begin_ns = int(small_session.trials.start_ns[14])
    replay = Replay(small_session, source_id, stop)
    spikes = inlet(source_id, Kind.SPIKES)
    replay.wait_for_listeners([Kind.SPIKES])
    part = Part(begin_ns, small_session.end_ns, speed=50.0, loop=True)
    playing = threading.Thread(target=replay.play, args=(part, lambda _: None))
    playing.start()
    _, stamps_ns = pulled(spikes, 6000)
    stop.set()
    playing.join()
    assert set(np.rint(np.diff(stamps_ns) / MS)) == {1}


def _until(stream: pylsl.StreamInlet, last: str) -> Iterator[tuple[str, int]]:
    while True:
        sample, stamp_s = stream.pull_sample(WAIT_S)
        assert sample is not None
        yield sample[0], ns_from_s(stamp_s)
        if sample[0] == last:
            return


@contextmanager
def announced(make: Callable[[], pylsl.StreamOutlet]) -> Iterator[None]:
    outlet = make()
    yield
    del outlet


def test_a_stream_of_another_size_is_refused(small_bundle: Bundle, source_id: str) -> None:
    labels = [f"c{k}" for k in range(70)]
    with (
        announced(lambda: open_outlet(source_id, Kind.SPIKES, labels, "spikes", MS)),
        Decoding(small_bundle, source_id) as decoding,
    ):
        decoding.expect_error("96 of the bundle's 96 channels are not in the stream.*it has 70")


def test_a_stream_of_other_channels_is_refused(small_bundle: Bundle, source_id: str) -> None:
    labels = [*small_bundle.manifest.channel_ids[:-1], "elec999"]
    with (
        announced(lambda: open_outlet(source_id, Kind.SPIKES, labels, "spikes", MS)),
        Decoding(small_bundle, source_id) as decoding,
    ):
        decoding.expect_error("1 of the bundle's 96 channels .* the first is 'elec096'")


def test_a_stream_of_an_unfit_rate_is_refused(small_bundle: Bundle, source_id: str) -> None:
    labels = small_bundle.manifest.channel_ids
    with (
        announced(lambda: open_outlet(source_id, Kind.SPIKES, labels, "spikes", 3 * MS)),
        Decoding(small_bundle, source_id) as decoding,
    ):
        decoding.expect_error("don't fill")


def test_a_stream_that_cannot_be_what_is_wanted_is_refused(
    small_bundle: Bundle, source_id: str
) -> None:
    labels = small_bundle.manifest.channel_ids
    with (
        announced(lambda: open_outlet(source_id, Kind.SPIKES, labels, "spikes", None)),
        Decoding(small_bundle, source_id, kind="raster") as decoding,
    ):
        decoding.expect_error("no regular rate, so it can't be raster.*set kind")


def test_no_stream_says_what_is_there(small_bundle: Bundle, source_id: str) -> None:
    with (
        announced(lambda: open_outlet(source_id, Kind.KINEMATICS, ["x"], "cm", MS)),
        Decoding(small_bundle, f"{source_id}-absent", wait_s=0.0) as decoding,
    ):
        decoding.expect_error(f"no stream with .*on the network: .*{source_id}-kinematics")


def test_two_sources_of_one_name_are_refused_and_both_described(source_id: str) -> None:
    with (
        announced(lambda: open_outlet(source_id, Kind.PUSHED, ["x"], "", MS)),
        announced(lambda: open_outlet(source_id, Kind.PUSHED, ["x", "y"], "", MS)),
        pytest.raises(StreamError, match=r"2 streams match .*([12]) channels.*[12] channels"),
    ):
        find_stream(wish_for(source_id, Kind.PUSHED), WAIT_S, never)
