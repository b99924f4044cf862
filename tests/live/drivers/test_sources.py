"""Every source obeys one protocol: it announces the streams it names, until it is closed."""

import socket
from collections.abc import Callable, Iterator
from threading import Event, Thread

import numpy as np
import pylsl
import pytest

from drivers.blackrock.publisher import BlackrockSource
from drivers.blackrock.receiver import Receiver
from drivers.encodings import EventEncoding
from drivers.hand.hand import Hand, HandSource
from drivers.noise.noise import NoiseSource
from drivers.noise.patterns import pattern_of
from drivers.replay.packets import packets_of
from drivers.replay.replay import Part, Replay
from drivers.simulated.subject.intention import SubjectSettings
from drivers.simulated.subject.neurons import made_up
from drivers.simulated.subject.subject import Subject
from drivers.source import Source, opened
from rt_ner.core.contract.kinds import SpikeForm, source_id_of
from rt_ner.data.session.session import Session
from rt_ner.lsl.streams import EVENT_BUFFER_S
from tests.helpers.rig import inlet
from tests.helpers.waiting import LONGEST_S, wait_until

CHANNELS = tuple(f"elec{k}" for k in range(8))


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened_socket:
        opened_socket.bind(("127.0.0.1", 0))
        yield opened_socket


def replay(name: str, session: Session, _listener: socket.socket) -> Source:
    packets = packets_of(session, SpikeForm.EVENTS)
    return Replay(session, packets, name, Part(0, session.end_ns, loop=True))


def noise(name: str, _session: Session, _listener: socket.socket) -> Source:
    return NoiseSource(pattern_of(SpikeForm.RASTER, CHANNELS, 10.0), name)


def subject(name: str, _session: Session, _listener: socket.socket) -> Source:
    neurons = made_up(np.random.default_rng(0), 8)
    return Subject(neurons, SubjectSettings(), f"{name}-task", name, 0)


def hand(name: str, _session: Session, _listener: socket.socket) -> Source:
    return HandSource(Hand(lambda: (0.0, 0.0)), name)


def blackrock(name: str, _session: Session, listener: socket.socket) -> Source:
    return BlackrockSource(Receiver(8, broadband=True), listener, list(CHANNELS), name, print)


@pytest.mark.parametrize("make", [replay, noise, subject, hand, blackrock])
def test_a_source_announces_what_it_names_until_closed(
    make: Callable[[str, Session, socket.socket], Source],
    source_id: str,
    small_session: Session,
    listener: socket.socket,
) -> None:
    source, stop = make(source_id, small_session, listener), Event()
    assert source.kinds
    announced = {source_id_of(source_id, kind) for kind in source.kinds}

    def visible() -> set[str]:
        found = {info.source_id() for info in pylsl.resolve_streams(0.5)}
        return {one for one in found if one.startswith(f"{source_id}/")}

    assert visible() == set()
    with opened(source):
        wait_until(lambda: visible() == announced)
        inlets = [inlet(source_id, kind) for kind in source.kinds]
        source.wait_for_listeners(source.kinds, stop)
        running = Thread(target=source.run, args=(stop,))
        running.start()
        stop.set()
        running.join()
    wait_until(lambda: visible() == set())
    assert len(inlets) == len(source.kinds)


@pytest.mark.parametrize("form", SpikeForm)
def test_noise_arrives_as_it_was_sent(source_id: str, form: SpikeForm) -> None:
    n_ticks, pattern = 100, pattern_of(form, CHANNELS, 50.0)
    source = NoiseSource(pattern, source_id, n_ticks)
    with opened(source):
        spikes = inlet(source_id, form.kind)
        source.wait_for_listeners(source.kinds, Event())
        source.run(Event())
        n_rows = source.faulty.sent.rows
        values, stamps_s = spikes.pull_chunk(LONGEST_S, n_rows)
    assert len(values) == n_rows > 0
    sent = np.concatenate([pattern.rows(tick, 1)[1] for tick in range(n_ticks)])
    np.testing.assert_array_equal(values, sent)
    assert (np.diff(stamps_s) > 0).all()


def test_no_event_is_lost_when_many_come_at_once(source_id: str) -> None:
    """liblsl overwrites the oldest in a full buffer, and its own holds 36,000 events."""
    encoding = EventEncoding(CHANNELS)
    outlet = encoding.open(source_id)
    (found,) = pylsl.resolve_byprop(
        "source_id", source_id_of(source_id, encoding.kind), 1, LONGEST_S
    )
    reader = pylsl.StreamInlet(found, max_buflen=EVENT_BUFFER_S, recover=False)
    reader.open_stream(LONGEST_S)
    assert outlet.wait_for_consumers(LONGEST_S)
    sent = encoding.encode(np.arange(300_000), np.zeros(300_000))
    outlet.push_chunk(sent)
    got = list[int]()
    while len(got) < len(sent):
        rows, _ = reader.pull_chunk(0.0, 65_536)
        # One more is waited for, or the pull would wait until all that it may take are there.
        row, _ = reader.pull_sample(LONGEST_S if len(got) + len(rows) < len(sent) else 0.0)
        got += [int(one[0]) for one in (*rows, *([row] if row else []))]
        assert row or len(got) == len(sent), f"only {len(got)} of {len(sent)} came"
    np.testing.assert_array_equal(got, sent[:, 0])
