"""The bridges to other programs, each run as its user runs it, with a stand-in at its other end."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from math import dist
from pathlib import Path
from threading import Event, Thread

import pylsl
import pytest

from rt_ner.core.contract.kinds import TIMING_LABELS, Kind, source_id_of
from rt_ner.core.contract.markers import TrialEvent, parse_trial_marker
from rt_ner.lsl.streams import open_outlet
from tests.helpers.rig import MS, inlet
from tests.helpers.waiting import LONGEST_S, wait_until

ROOT = Path(__file__).resolve().parents[2]
BRIDGES = ROOT / "docs" / "bridges"
STAND_INS = ROOT / "tests" / "helpers" / "stand_ins"
HOP_NS = 10 * MS


class Decoder:
    """A decoder as a bridge sees it: velocity and timing every 10 ms, until it is closed."""

    def __init__(self, source: str, velocity: tuple[float, float]) -> None:
        self.velocity = velocity
        self._closed = Event()
        self._thread = Thread(target=self._send, args=(source,))
        self._thread.start()

    def _send(self, source: str) -> None:
        velocity = open_outlet(source, Kind.VELOCITY, ["vx", "vy"], "cm/s", HOP_NS)
        timing = open_outlet(source, Kind.TIMING, TIMING_LABELS, "s", HOP_NS)
        number = round(pylsl.local_clock() * 100)
        while not self._closed.wait(0.01):
            number += 1
            row = [pylsl.local_clock()] * len(TIMING_LABELS)
            velocity.push_sample(self.velocity, number / 100)
            timing.push_sample(row, number / 100)

    def close(self) -> None:
        self._closed.set()
        self._thread.join()


class Bridge:
    """A bridge in a process of its own; ``hear`` gets each line that it says."""

    def __init__(self, script: str, *arguments: str) -> None:
        self.lines: list[str] = []
        self.hear: Callable[[str], object] = lambda _: None
        self.process = subprocess.Popen(
            [sys.executable, str(BRIDGES / script), *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=os.environ | {"PYTHONPATH": str(STAND_INS), "PYTHONIOENCODING": "utf-8"},
        )  # fmt: skip
        self._reader = Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as said:
            for line in said:
                self.lines.append(line.strip())
                self.hear(line)

    def says(self, words: str) -> bool:
        assert self.process.poll() is None, self.lines
        return any(words in line for line in list(self.lines))

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()


@pytest.fixture(autouse=True)
def _ctrl_c_is_heard() -> Iterator[None]:
    """A shell's background programs ignore Ctrl-C, and so would the bridges."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def started() -> Iterator[list[Decoder | Bridge]]:
    """All that a test has started; it is ended."""
    parts: list[Decoder | Bridge] = []
    yield parts
    for part in parts:
        part.close()


def test_a_serial_line_gets_a_byte_per_step_and_zero_while_there_is_no_velocity(
    source_id: str, started: list[Decoder | Bridge]
) -> None:
    pytest.importorskip("serial", reason="pyserial is not installed")
    openpty = getattr(os, "openpty", None)
    if openpty is None:
        pytest.skip("Windows has no pseudo-terminal")
    near, far = openpty()
    os.set_blocking(near, False)
    name, got = source_id_of(source_id, Kind.VELOCITY), bytearray()

    def last() -> int:
        with suppress(BlockingIOError):
            got.extend(os.read(near, 4096))
        return got[-1] if got else 0

    bridge = Bridge("serial_line.py", name, os.ttyname(far))
    started.append(bridge)
    wait_until(lambda: bridge.says(f"no stream '{name}': start rt-ner decode"))
    for _ in range(2):
        decoder = Decoder(source_id, (5.0, 0.0))
        started.append(decoder)
        wait_until(last)
        decoder.velocity = 0.0, 0.0
        wait_until(lambda: not last())
        decoder.velocity = 0.0, -5.0
        wait_until(last)
        decoder.close()
        wait_until(lambda: not last())
    wait_until(lambda: bridge.lines.count("no velocity comes: zero") >= 2)
    assert bridge.says("velocity comes")
    steps = [byte for byte in got if byte]
    # A run begins with 1 after each stop.
    assert all(byte in (1, before % 255 + 1) for before, byte in pairwise(steps))
    os.close(near)
    bridge.process.wait(LONGEST_S)
    bridge.close()
    assert bridge.lines[-1].startswith("the line does not answer")
    assert not any("Traceback" in line for line in bridge.lines)
    os.close(far)


def test_the_latency_of_the_serial_line_is_measured(
    source_id: str, started: list[Decoder | Bridge]
) -> None:
    pytest.importorskip("serial", reason="pyserial is not installed")
    if not hasattr(os, "openpty"):
        pytest.skip("Windows has no pseudo-terminal")
    started.append(Decoder(source_id, (5.0, 0.0)))
    bridge = Bridge("measure_serial_line.py", source_id_of(source_id, Kind.VELOCITY), "40")
    started.append(bridge)
    bridge.process.wait(LONGEST_S)
    bridge.close()
    assert re.search(r"\d+ steps: p50 \d+ µs p99 \d+ µs p99.9 \d+ µs$", bridge.lines[-1])


def test_bci2000_gets_the_velocity_and_its_states_become_markers(
    source_id: str, started: list[Decoder | Bridge]
) -> None:
    decoder = Decoder(source_id, (3.0, -4.5))
    started.append(decoder)
    with udp_port() as bci2000, udp_port() as taken:
        port = taken.getsockname()[1]
        taken.close()
        ports = str(bci2000.getsockname()[1]), str(port)
        bridge = Bridge("bci2000.py", source_id_of(source_id, Kind.VELOCITY), *ports)
        started.append(bridge)
        hear(bci2000, b"Signal(0,0) 3\r\nSignal(1,0) -4.5\r\n")
        decoder.velocity = 0.0, 0.0
        hear(bci2000, b"Signal(0,0) 0\r\nSignal(1,0) 0\r\n")
        markers, came, target = inlet("bci2000", Kind.MARKERS), None, 0

        def send(*states: str) -> None:
            for state in states:
                bci2000.sendto(f"{state}\r\n".encode(), ("127.0.0.1", port))

        while came is None:
            # The listener may be known a moment later than it is open.
            target += 1
            send(f"TargetCode {target}")
            came, _ = markers.pull_sample(0.1)
        # BCI2000 sends each state with each block of data, changed or not.
        send(f"TargetCode {target}", "SourceTime 4711", "Signal(0,0) 1e-8", "Feedback 1")
        while came != ["Feedback 1"]:
            assert came[0] in {f"TargetCode {number + 1}" for number in range(target)}
            came, _ = markers.pull_sample(LONGEST_S)
        if sys.platform != "win32":
            decoder.velocity = 3.0, -4.5
            hear(bci2000, b"Signal(0,0) 3\r\nSignal(1,0) -4.5\r\n")
            bridge.process.send_signal(signal.SIGINT)
            hear(bci2000, b"Signal(0,0) 0\r\nSignal(1,0) 0\r\n")


def hear(port: socket.socket, datagram: bytes) -> None:
    while port.recv(4096) != datagram:
        pass


def udp_port() -> socket.socket:
    made = socket.socket(type=socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(LONGEST_S)
    return made


def test_a_psychopy_task_is_done_by_the_decoder_and_sends_markers(
    source_id: str, started: list[Decoder | Bridge]
) -> None:
    """The decoder's subject sees each frame, and moves the cursor towards the target."""
    decoder = Decoder(source_id, (0.0, 0.0))
    started.append(decoder)
    bridge = Bridge("psychopy_task.py", source_id_of(source_id, Kind.VELOCITY), "1000")
    distances_cm: list[float] = []

    def steer(frame: str) -> None:
        if frame.startswith("{"):
            (x, y), (to_x, to_y) = (json.loads(frame)[colour] for colour in ("white", "green"))
            distances_cm.append(dist((x, y), (to_x, to_y)))
            decoder.velocity = 8 * (to_x - x), 8 * (to_y - y)

    bridge.hear = steer
    started.append(bridge)
    markers = inlet("psychopy", Kind.MARKERS)
    said = [parse_trial_marker(markers.pull_sample(LONGEST_S)[0][0]) for _ in range(5)]
    order = [TrialEvent.START, TrialEvent.GO, TrialEvent.END] * 3
    first = order.index(said[0].event)
    assert [marker.event for marker in said] == order[first : first + 5]
    assert all(marker.direction_deg % 45 == 0 for marker in said if marker.event is TrialEvent.GO)
    assert distances_cm[0] == pytest.approx(8.0)
    assert min(distances_cm) < 1.5


def test_a_unity_client_moves_with_the_velocity_and_follows_a_restart(
    source_id: str, started: list[Decoder | Bridge]
) -> None:
    name = f"{source_id}-velocity"
    bridge = Bridge("unity_client.py", name)
    started.append(bridge)
    wait_until(lambda: bridge.says(f"no stream '{name}': start rt-ner decode"))

    def position_cm() -> list[float]:
        assert bridge.process.poll() is None, bridge.lines
        last = bridge.lines[-1]
        return [0.0, 0.0] if "stream" in last else [float(value) for value in last.split()]

    for _ in range(2):
        goal_cm = position_cm()[0] + 1.0
        decoder = Decoder(source_id, (10.0, -5.0))
        started.append(decoder)
        wait_until(lambda goal_cm=goal_cm: position_cm()[0] > goal_cm)
        decoder.close()
        x, y = position_cm()
        assert y == pytest.approx(-x / 2)
