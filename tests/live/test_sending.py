"""Samples that leave in the sender's thread: a frozen client costs nobody else a sample."""

import gc
import signal
import subprocess
import sys
import threading
import uuid

import numpy as np
import pylsl
import pytest

from rt_ner.lsl.sending import outlet as sending
from rt_ner.lsl.sending.client_sockets import can_see_clients
from rt_ner.lsl.sending.outlet import open_sender
from tests.helpers.waiting import LONGEST_S, wait_until

N_CHANNELS = 2000
CLIENT = """
import sys, pylsl
(found,) = pylsl.resolve_byprop("source_id", sys.argv[1], 1, float(sys.argv[2]))
inlet = pylsl.StreamInlet(found, max_buflen=1, recover=False)
inlet.open_stream()
print("open", flush=True)
try:
    while True:
        inlet.pull_chunk(0.1)
except pylsl.util.LostError:
    print("lost", flush=True)
"""


def announced() -> pylsl.StreamInfo:
    source_id = f"{uuid.uuid4().hex}/velocity"
    return pylsl.StreamInfo("rig-velocity", "Velocity", N_CHANNELS, 0, "float32", source_id)


def connected(info: pylsl.StreamInfo) -> pylsl.StreamInlet:
    (found,) = pylsl.resolve_byprop("source_id", info.source_id(), 1, LONGEST_S)
    inlet = pylsl.StreamInlet(found, recover=False)
    inlet.open_stream(LONGEST_S)
    return inlet


def guards() -> set[threading.Thread]:
    return {each for each in threading.enumerate() if each.name == "ClientGuard"}


@pytest.mark.skipif(not can_see_clients(), reason="needs Linux")
def test_a_frozen_client_is_cut_off_and_the_others_lose_nothing() -> None:
    reports: list[str] = []
    info = announced()
    outlet = open_sender(info, True, reports.append)
    reader = connected(info)
    command = [sys.executable, "-c", CLIENT, info.source_id(), str(LONGEST_S)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as frozen:
        assert frozen.stdout
        assert frozen.stdout.readline() == "open\n"
        frozen.send_signal(signal.SIGSTOP)
        sample = np.zeros(N_CHANNELS, np.float32)
        n_sent, stamps_s = 0, list[float]()
        while not reports:
            for _ in range(50):
                n_sent += 1
                outlet.push_sample(sample, float(n_sent))
            while len(stamps_s) < n_sent:
                stamps_s += reader.pull_chunk(LONGEST_S, n_sent - len(stamps_s))[1]
        frozen.send_signal(signal.SIGCONT)
        assert frozen.stdout.readline() == "lost\n"
    assert stamps_s == list(range(1, n_sent + 1))
    (report,) = reports
    assert "'rig-velocity'" in report
    outlet.push_sample(sample, n_sent + 1.0)
    assert reader.pull_sample(LONGEST_S)[1] == n_sent + 1.0


@pytest.mark.skipif(not can_see_clients(), reason="needs Linux")
def test_the_guard_ends_with_its_stream() -> None:
    before = guards()
    outlet = open_sender(announced(), True)
    (guard,) = guards() - before
    del outlet
    gc.collect()
    wait_until(lambda: not guard.is_alive())


def test_where_clients_can_not_be_seen_lsls_own_thread_sends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "can_see_clients", lambda: False)
    info = announced()
    before = guards()
    outlet = open_sender(info, True)
    reader = connected(info)
    outlet.push_sample(np.zeros(N_CHANNELS, np.float32), 1.0)
    assert reader.pull_sample(LONGEST_S)[1] == 1.0
    assert not guards() - before
