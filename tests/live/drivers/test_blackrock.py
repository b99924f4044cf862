"""The Blackrock driver on a real socket and real LSL."""

import socket
import threading

import pytest

from drivers.blackrock.publisher import BlackrockSource, open_listener
from drivers.blackrock.receiver import Receiver
from drivers.source import opened
from rt_ner.core.contract.kinds import Kind
from rt_ner.core.errors import ConfigError
from rt_ner.lsl.streams import electrodes_of, local_now_ns
from tests.helpers.blackrock_emulator import heartbeat, spike
from tests.helpers.rig import inlet
from tests.helpers.waiting import wait_until

N_SPIKES = 60


def test_a_port_that_is_taken_is_named() -> None:
    with open_listener("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ConfigError, match=str(port)):
            open_listener("127.0.0.1", port)


def test_over_udp_and_lsl(source_id: str) -> None:
    labels = [f"e{k}" for k in range(8)]
    with (
        open_listener("127.0.0.1", 0) as listener,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        source = BlackrockSource(Receiver(8), listener, labels, source_id, print)
        stop, thread = threading.Event(), None
        with opened(source):
            events = inlet(source_id, Kind.EVENTS)
            assert electrodes_of(events.info()) == labels
            thread = threading.Thread(target=source.run, args=(stop,))
            thread.start()
            begun_ns = local_now_ns()
            for k in range(N_SPIKES):
                raw = spike(local_now_ns() - begun_ns, k % 8 + 1, 1)
                sender.sendto(raw, listener.getsockname())
            rows: list[list[int]] = []

            def have_arrived() -> bool:
                # The device's clock is learned from heartbeats, however long that takes.
                sender.sendto(heartbeat(local_now_ns() - begun_ns), listener.getsockname())
                rows.extend(events.pull_chunk(0.0, N_SPIKES)[0])
                return len(rows) >= N_SPIKES

            wait_until(have_arrived)
            stop.set()
            thread.join()
    assert [row[0] for row in rows] == [k % 8 + 1 for k in range(N_SPIKES)]
