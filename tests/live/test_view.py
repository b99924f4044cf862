"""The view on real LSL: it finds streams, loses them, finds them again, and commands a decoder."""

import dataclasses
import os
import queue
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
from PySide6.QtGui import QColor

from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.storage import load_shown
from rt_ner.core.clock import next_grid_line_ns, ns_from_s, s_from_ns
from rt_ner.core.contract.kinds import TARGET_LABELS, Kind
from rt_ner.core.errors import ConfigError, RtNerError
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.live.companions.live_window import obeying_view
from rt_ner.live.operator.marker_commands import listen_to_markers
from rt_ner.live.settings import ControlSettings, DecodeSettings
from rt_ner.live.states import State
from rt_ner.lsl.streams import local_now_ns, open_outlet
from rt_ner.system.display import check_display
from rt_ner.view import style
from rt_ner.view.control.actions import Commander
from rt_ner.view.control.recorders import RemoteLabRecorder
from rt_ner.view.signals.signals import Signals
from tests.helpers.outputs import position_xy
from tests.helpers.rig import MS, Decoding, Source, inlet, running
from tests.helpers.waiting import LONGEST_S

LONG_S = 60.0
RUNNING, STALE, WARMING = State.RUNNING, State.STALE, State.WARMING


@contextmanager
def looking(signals: Signals) -> Iterator[Signals]:
    connector = signals.lookout()
    try:
        yield signals
    finally:
        connector.close()


def poll_until(
    signals: Signals, true: Callable[[], bool], meanwhile: Callable[[], None] = Event
) -> None:
    """Poll until something is true; a busy computer may take long."""
    pause, deadline_s = Event(), time.monotonic() + LONG_S
    while time.monotonic() < deadline_s:
        signals.poll()
        if true():
            return
        meanwhile()
        pause.wait(0.01)
    raise AssertionError(f"not within {LONG_S:g} s")


def test_counts_are_those_that_were_decoded(small_bundle: Bundle, source_id: str) -> None:
    """A busy computer may pass over hops: each one that is published has the counts of its own."""
    source = Source(source_id, small_bundle.manifest.channel_ids)
    first_ns, n_hops = source.now_ns, 10
    with Decoding(small_bundle.model, source_id) as decoding:
        source.wait_for_listener()
        counts = inlet(decoding.name, Kind.COUNTS)
        source.push(10 * n_hops)
        hops = {}
        while n_hops not in hops:
            sample, stamp_s = counts.pull_sample(LONG_S)
            assert sample is not None, "the newest hop is always published"
            hops[(ns_from_s(stamp_s) - first_ns) // (10 * MS)] = sample
    expected = source._counts[: 10 * n_hops].reshape(n_hops, 10, -1).sum(axis=1)
    for hop, got in hops.items():
        np.testing.assert_array_equal(got, expected[hop - 1])


def test_everything_of_a_decoder_and_its_source_is_found_and_shown(
    small_bundle: Bundle, source_id: str
) -> None:
    source = Source(source_id, small_bundle.manifest.channel_ids)
    truth = open_outlet(source_id, Kind.KINEMATICS, ["vx", "vy"], "m/s", None)
    with (
        Decoding(small_bundle.model, source_id) as decoding,
        looking(Signals(decoding.name, f"task-{source_id}")) as signals,
    ):
        running(decoding, source, small_bundle)
        needed = (Kind.VELOCITY, Kind.LATENT, Kind.TIMING, Kind.COUNTS, Kind.KINEMATICS)
        poll_until(signals, lambda: not any(signals.missing(kind) for kind in needed))
        source.now_ns = next_grid_line_ns(local_now_ns(), 30 * MS)
        truth.push_sample([0.5, -0.25], s_from_ns(source.now_ns))
        poll_until(signals, lambda: signals.state == "RUNNING", lambda: source.push(10))
        poll_until(signals, lambda: len(signals.true_velocity) > 0)
        fresh = Kind.VELOCITY
        poll_until(signals, lambda: signals.is_fresh(fresh), lambda: source.push(10))
        assert signals.true_velocity.newest()[1].tolist() == [[50.0, -25.0]]
        assert signals.channels.labels == small_bundle.manifest.channel_ids
        poll_until(signals, lambda: len(signals.latents) > 0 and len(signals.velocity) > 0)
        assert signals.missing(Kind.CURSOR).startswith("no stream")


def test_decoded_positions_are_shown_as_they_are(small_bundle: Bundle, source_id: str) -> None:
    own = small_bundle.model.readout
    readout = Readout(own.matrix, own.bias, position_xy("hand"))
    model = dataclasses.replace(small_bundle.model, readout=readout)
    source = Source(source_id, model.channel_ids)
    truth = open_outlet(source_id, Kind.KINEMATICS, ["hand_x", "hand_y"], "mm", None)
    with (
        Decoding(model, source_id) as decoding,
        looking(Signals(decoding.name, f"task-{source_id}")) as signals,
    ):
        running(decoding, source, small_bundle)
        needed = (Kind.OUTPUT, Kind.COUNTS, Kind.KINEMATICS)
        poll_until(signals, lambda: not any(signals.missing(kind) for kind in needed))
        assert signals.output is Kind.OUTPUT
        truth.push_sample([50.0, -25.0], 1000.0)
        poll_until(signals, lambda: len(signals.true.trail) > 0, lambda: source.push(10))
        assert signals.true.trail.newest()[1].tolist() == [[5.0, -2.5]]
        poll_until(signals, lambda: len(signals.trail) > 0, lambda: source.push(10))
        assert not len(signals.velocity)


def test_a_stream_that_went_is_missed_and_found_again(source_id: str) -> None:
    needed = (Kind.VELOCITY, Kind.STATE)
    with looking(Signals(source_id, f"task-{source_id}")) as signals:
        for life in range(2):
            outlet = open_outlet(source_id, Kind.VELOCITY, ["vx", "vy"], "cm/s", None)
            state = open_outlet(source_id, Kind.STATE, ["state"], "", None)
            poll_until(signals, lambda: not any(signals.missing(kind) for kind in needed))
            outlet.push_sample([life, life])
            state.push_sample(["RUNNING"])
            poll_until(signals, lambda: len(signals.velocity) == life + 1)  # noqa: B023
            poll_until(signals, lambda: signals.state == "RUNNING")
            del outlet, state
            poll_until(signals, lambda: all(signals.missing(kind) for kind in needed))
            assert signals.state == ""


def test_two_decoders_of_one_name_are_told_of_and_neither_is_shown(source_id: str) -> None:
    outlets = [open_outlet(source_id, Kind.VELOCITY, ["vx", "vy"], "cm/s", None) for _ in range(2)]
    with looking(Signals(source_id, f"task-{source_id}")) as signals:
        poll_until(signals, lambda: signals.missing(Kind.VELOCITY).startswith("2 streams"))
        assert not len(signals.velocity)
        del outlets[0]
        poll_until(signals, lambda: not signals.missing(Kind.VELOCITY))


def test_a_task_moves_the_cursor_and_shows_the_target(source_id: str) -> None:
    cursor = open_outlet(source_id, Kind.CURSOR, ["x", "y"], "mm", None)
    target = open_outlet(source_id, Kind.TARGET, TARGET_LABELS, "cm", None)
    state = open_outlet(source_id, Kind.TASK, ["state"], "", None)
    with looking(Signals(f"decoder-{source_id}", source_id)) as signals:
        needed = (Kind.CURSOR, Kind.TARGET, Kind.TASK)
        poll_until(signals, lambda: not any(signals.missing(kind) for kind in needed))
        assert signals.has_task
        cursor.push_sample([30.0, -40.0])
        target.push_sample([1.0, 2.0, 1.5, 1.0])
        state.push_sample(["REACH"])
        poll_until(signals, lambda: signals.task_state == "REACH" and signals.target is not None)
        assert signals.target == (1.0, 2.0, 1.5)
        poll_until(signals, lambda: len(signals.trail) == 1)
        np.testing.assert_allclose(signals.trail.newest()[1], [[3.0, -4.0]])
        target.push_sample([1.0, 2.0, 0.0, 0.0])
        poll_until(signals, lambda: signals.target is None)
        del cursor
        poll_until(signals, lambda: not signals.has_task)
        assert signals.task_state == ""


def test_the_views_keys_reach_the_decoder_that_obeys_them(
    small_bundle: Bundle, source_id: str
) -> None:
    source = Source(source_id, small_bundle.manifest.channel_ids)
    commander = Commander(source_id)
    assert not commander.is_heard()
    with Decoding(small_bundle.model, source_id) as decoding:
        control = ControlSettings(source_id=commander.source_id)
        listen_to_markers(control, decoding.loop.commands.append, decoding.stop, lambda _: None)
        running(decoding, source, small_bundle)
        pause = Event()
        while not commander.is_heard():
            pause.wait(0.01)
        actions = {action.key: action for action in commander.actions()}
        assert actions["h"].is_possible()
        actions["h"].act()
        push_until(decoding, source, State.HOLD)
        actions["r"].act()
        push_until(decoding, source, State.RUNNING)


def push_until(decoding: Decoding, source: Source, state: State) -> None:
    """Keep the source going until a state comes; a slow one may have been STALE before."""
    deadline_s = time.monotonic() + LONG_S
    while time.monotonic() < deadline_s:
        source.push(10)
        with suppress(queue.Empty):
            if decoding.states.get(timeout=0.02) is state:
                return
    raise AssertionError(f"never {state}")


def rt_ner(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rt_ner", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | environment,
    )


def test_a_picture_of_the_running_window(
    small_bundle: Bundle, small_bundle_folder: Path, source_id: str, tmp_path: Path
) -> None:
    import matplotlib.image

    source = Source(source_id, small_bundle.manifest.channel_ids)
    file = tmp_path / "view.png"
    with Decoding(small_bundle.model, source_id) as decoding:
        running(decoding, source, small_bundle)
        stop = Event()

        def push() -> None:
            while not stop.wait(0.05):
                source.push(50)

        pusher = Thread(target=push)
        pusher.start()
        try:
            arguments = ("--decoder", decoding.name, "--screenshot", file, "--after", 4)
            done = rt_ner("view", small_bundle_folder, *arguments)
        finally:
            stop.set()
            pusher.join()
    assert done.returncode == 0, done.stderr
    assert "frames" in done.stderr
    drawn = matplotlib.image.imread(file)
    assert drawn.shape[:2] == (900, 1600)
    # RUNNING, or what a decoder says whose source was slow for a moment.
    lamp = drawn[:50, :300, :3]
    states = [QColor(style.STATES[state]).getRgbF()[:3] for state in (RUNNING, STALE, WARMING)]
    shown = [(np.abs(lamp - np.array(colour)).sum(axis=2) < 0.05).sum() for colour in states]
    assert max(shown) > 50, "the lamp shows the decoder's state"


def test_the_bundle_holds_latents_of_training(small_bundle_folder: Path) -> None:
    _, cloud = load_shown(small_bundle_folder)
    assert cloud is not None
    latents, direction_deg = cloud
    assert latents.shape == (len(direction_deg), 3)
    assert 100 < len(latents) <= 2000
    assert set(np.unique(direction_deg)) <= set(np.arange(8) * 45.0)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
def test_without_a_display_the_view_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RtNerError, match="there is no display here"):
        check_display()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--screenshot", "view.jpg"), "expected a name that ends in .png"),
        (("--recorder", "here"), "expected HOST:PORT"),
        (("--subject", "--screen", "99"), "this computer has 1 monitor"),
    ],
)
def test_what_cannot_be_is_refused(arguments: tuple[str, ...], message: str) -> None:
    done = rt_ner("view", *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_decoder_obeys_its_own_view_or_another_stream() -> None:
    settings = obeying_view(DecodeSettings())
    assert settings.control.source_id.endswith("/commands")
    assert settings.control.host == socket.gethostname()
    taken = DecodeSettings(control=ControlSettings(source_id="mine/commands"))
    with pytest.raises(ConfigError, match="start rt-ner view by itself"):
        obeying_view(taken)


def test_a_recorder_is_started_and_stopped() -> None:
    heard: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def obey() -> None:
            for _ in range(2):
                connection, _ = server.accept()
                with connection, connection.makefile("r") as lines:
                    for line in lines:
                        heard.append(line.strip())
                        connection.sendall(b"OK")

        obeying = Thread(target=obey)
        obeying.start()
        recorder = RemoteLabRecorder(f"127.0.0.1:{server.getsockname()[1]}")
        for recording in (True, False):
            recorder.toggle()
            assert recorder._thread is not None
            recorder._thread.join(LONGEST_S)
            assert recorder.is_recording == recording
        obeying.join(LONGEST_S)
    assert heard == ["update", "select all", "start", "stop"]
    assert recorder.says == ""


def test_a_recorder_that_is_not_there_is_told_of() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    recorder = RemoteLabRecorder(f"127.0.0.1:{port}")
    recorder.toggle()
    assert recorder._thread is not None
    recorder._thread.join(LONGEST_S)
    assert not recorder.is_recording
    assert "start it, with its remote control enabled" in recorder.says


def test_the_newest_sample_is_drawn_after_a_pause(source_id: str) -> None:
    outlet = open_outlet(source_id, Kind.VELOCITY, ["vx", "vy"], "cm/s", None)
    with looking(Signals(source_id, f"task-{source_id}")) as signals:
        poll_until(signals, lambda: not signals.missing(Kind.VELOCITY))
        for k in range(3000):
            outlet.push_sample([float(k), 0.0], 1000.0 + k / 1000)
        poll_until(signals, lambda: signals.velocity.newest()[1][-1:, 0].tolist() == [2999.0])
