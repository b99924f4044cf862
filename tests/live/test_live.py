"""The loop on real LSL, over loopback: what is decoded, in which state, and what is refused."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pylsl
import pytest

from drivers.replay.packets import packets_of
from drivers.replay.replay import Part, Replay
from drivers.source import opened
from rt_ner.bundle.bundle import Bundle
from rt_ner.core.clock import ns_from_s
from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.core.contract.markers import SESSION_END, SESSION_ZERO
from rt_ner.core.errors import StreamError
from rt_ner.data.session.session import Session
from rt_ner.live.states import State
from rt_ner.lsl.discovery import StreamQuery, find_stream, query_for
from rt_ner.lsl.streams import open_outlet
from tests.helpers.rig import MS, PATIENT, Decoding, Source, history_ms, inlet, never, pulled
from tests.helpers.waiting import LONGEST_S


def test_velocity_is_zero_until_history_is_full_and_after_data_stop(
    small_bundle: Bundle, source_id: str
) -> None:
    channel_ids = small_bundle.manifest.channel_ids
    source = Source(source_id, channel_ids)
    n_warming = history_ms(small_bundle) // 10 - 1
    # Long enough for a busy machine between two parts of what is sent.
    patient = PATIENT | {"stale_ms": 1500.0}
    with Decoding(small_bundle.model, source_id, safety=patient) as decoding:
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
        source.now_ns += 3000 * MS
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
    with Decoding(small_bundle.model, source_id) as decoding:
        for _ in range(2):
            source = Source(source_id, channel_ids)
            source.wait_for_listener()
            decoding.expect(State.CONNECTING, State.WARMING)
            source.push(history_ms(small_bundle))
            decoding.expect(State.RUNNING)
            del source
            # Whichever the decoder notices first: no data, or no source.
            if decoding.states.get(timeout=LONGEST_S) == State.STALE:
                continue
            decoding.states.put(State.CONNECTING)
    assert decoding.loop.statistics.n_connections == 2


def test_a_lost_source_is_not_replaced_by_another(small_bundle: Bundle, source_id: str) -> None:
    channel_ids = small_bundle.manifest.channel_ids
    source = Source(source_id, channel_ids)
    query = {"source_id": "", "name": f"{source_id}-{Kind.SPIKES}"}
    with Decoding(small_bundle.model, source_id, input=query) as decoding:
        source.wait_for_listener()
        decoding.expect(State.CONNECTING, State.WARMING)
        # Of the same name and shape, but not the one that was connected.
        info = pylsl.StreamInfo(query["name"], "Spikes", 96, 1000.0, pylsl.cf_int16, "stranger")
        info.set_channel_labels(list(channel_ids))
        stranger = pylsl.StreamOutlet(info)
        del source
        decoding.expect(State.CONNECTING)
        assert not stranger.wait_for_consumers(2.0)
        again = Source(source_id, channel_ids)
        again.wait_for_listener()
        decoding.expect(State.WARMING)
    assert decoding.loop.statistics.n_connections == 2


def test_a_replay_tells_the_truth_beside_the_spikes(small_session: Session, source_id: str) -> None:
    part = Part(int(small_session.trials.start_ns[14]), small_session.end_ns, speed=20.0)
    replay = Replay(small_session, packets_of(small_session), source_id, part)
    with opened(replay):
        inlets = {kind: inlet(source_id, kind) for kind in replay.kinds}
        replay.wait_for_listeners(replay.kinds, threading.Event())
        replay.run(threading.Event())
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
        session_ns = part.begin_ns + np.arange(1, n_samples + 1) * MS
        assert np.abs(stamps_ns - zero_ns - session_ns).max() < 9
        kinematics = small_session.behaviour
        chosen = kinematics.time_ns > part.begin_ns
        chosen &= kinematics.time_ns <= part.end_ns
        velocity_cm_s, _ = pulled(inlets[Kind.KINEMATICS], int(chosen.sum()))
        np.testing.assert_array_equal(velocity_cm_s, kinematics.values[chosen])
        pushed_s, _ = pulled(inlets[Kind.PUSHED], n_samples)
        assert (np.diff(pushed_s[:, 0]) >= 0).all()


def test_a_looping_replay_goes_on_without_a_gap(small_session: Session, source_id: str) -> None:
    stop = threading.Event()
    begin_ns = int(small_session.trials.start_ns[14])
    part = Part(begin_ns, small_session.end_ns, speed=50.0, loop=True)
    replay = Replay(small_session, packets_of(small_session), source_id, part)
    with opened(replay):
        spikes = inlet(source_id, Kind.SPIKES)
        replay.wait_for_listeners([Kind.SPIKES], stop)
        playing = threading.Thread(target=replay.run, args=(stop,))
        playing.start()
        _, stamps_ns = pulled(spikes, 6000)
        stop.set()
        playing.join()
    assert set(np.rint(np.diff(stamps_ns) / MS)) == {1}


def _until(stream: pylsl.StreamInlet, last: str) -> Iterator[tuple[str, int]]:
    while True:
        sample, stamp_s = stream.pull_sample(LONGEST_S)
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
        Decoding(small_bundle.model, source_id) as decoding,
    ):
        decoding.expect_error("96 of the bundle's 96 channels are not in the stream.*it has 70")


def test_no_stream_says_what_is_there(small_bundle: Bundle, source_id: str) -> None:
    with (
        announced(lambda: open_outlet(source_id, Kind.KINEMATICS, ["x"], "cm", MS)),
        Decoding(small_bundle.model, f"{source_id}-absent", input={"wait_s": 0.0}) as decoding,
    ):
        decoding.expect_error(f"no stream with .*on the network: .*{source_id}-kinematics")


def test_two_sources_of_one_name_are_refused_and_both_described(source_id: str) -> None:
    with (
        announced(lambda: open_outlet(source_id, Kind.PUSHED, ["x"], "", MS)),
        announced(lambda: open_outlet(source_id, Kind.PUSHED, ["x", "y"], "", MS)),
        pytest.raises(StreamError, match=r"2 streams match .*([12]) channels.*[12] channels"),
    ):
        find_stream(query_for(source_id, Kind.PUSHED), LONGEST_S, never)


def test_a_predicate_that_cannot_be_read_is_refused(source_id: str) -> None:
    query = StreamQuery(("Spikes",), predicate="name=='unclosed")
    with pytest.raises(StreamError, match="is not XPath 1.0"):
        find_stream(query, LONGEST_S, never)


def test_a_predicate_selects(source_id: str) -> None:
    outlet = open_outlet(source_id, Kind.PUSHED, ["x"], "", MS)
    query = StreamQuery(("Timing",), predicate=f"starts-with(source_id,'{source_id}')")
    found = find_stream(query, LONGEST_S, never)
    assert found
    assert found.source_id() == source_id_of(source_id, Kind.PUSHED)
    del outlet
