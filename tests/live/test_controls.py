"""The operator's commands, over LSL and from a keyboard: obeyed in order, and nothing else is."""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pylsl
import pytest

from rt_ner.live.operator.marker_commands import listen_to_markers
from rt_ner.live.settings import ControlSettings
from rt_ner.live.states import Command

WAIT_S = 20.0
needs_pty = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no pseudo-terminals like this"
)


def markers(
    source_id: str, lsl_type: str = "Markers", lsl_format: int = pylsl.cf_string
) -> pylsl.StreamOutlet:
    return pylsl.StreamOutlet(pylsl.StreamInfo("m", lsl_type, 1, 0, lsl_format, source_id))


@contextmanager
def listening(source_id: str) -> Iterator["queue.Queue[Command]"]:
    """What is heard of the marker stream with this source_id."""
    heard: queue.Queue[Command] = queue.Queue()
    stop = threading.Event()
    listen_to_markers(ControlSettings(source_id=source_id), heard.put, stop)
    try:
        yield heard
    finally:
        stop.set()


def eventually(condition: Callable[[], bool], within_s: float = WAIT_S) -> bool:
    """Whether it comes true in time."""
    pause = threading.Event()
    return any(condition() or pause.wait(0.01) for _ in range(round(within_s / 0.01)))


def test_commands_are_heard_in_order_and_other_text_is_ignored(source_id: str) -> None:
    outlet = markers(source_id)
    with listening(source_id) as heard:
        assert outlet.wait_for_consumers(WAIT_S)
        texts = ["hold", "held", "", " RESUME ", "Reset\r\n", "hold on", "trial_start 3", "STOP"]
        for text in texts:
            outlet.push_sample([text])
        commands = [heard.get(timeout=WAIT_S) for _ in range(4)]
    assert commands == [Command.HOLD, Command.RESUME, Command.RESET, Command.STOP]
    assert eventually(lambda: not outlet.have_consumers()), "it does not listen any more"
    assert heard.empty()


def test_nobody_else_is_obeyed(source_id: str) -> None:
    others = [markers(source_id + "x"), markers(""), markers(source_id, "Events")]
    outlet = markers(source_id)
    with listening(source_id) as heard:
        assert outlet.wait_for_consumers(WAIT_S)
        for other in others:
            assert not other.have_consumers()
            other.push_sample(["stop"])
        outlet.push_sample(["hold"])
        assert heard.get(timeout=WAIT_S) is Command.HOLD
    assert heard.empty()


def test_the_marker_stream_may_go_and_come_back(source_id: str) -> None:
    with listening(source_id) as heard:
        for command in (Command.HOLD, Command.RESUME):
            outlet = markers(source_id)
            assert outlet.wait_for_consumers(WAIT_S)
            outlet.push_sample([command])
            assert heard.get(timeout=WAIT_S) is command
            del outlet


def test_of_two_streams_of_one_name_neither_is_obeyed(source_id: str) -> None:
    first, second = markers(source_id), markers(source_id)
    with listening(source_id) as heard:
        assert not first.wait_for_consumers(1.5)
        assert not second.have_consumers()
        del first
        assert second.wait_for_consumers(WAIT_S)
        second.push_sample(["hold"])
        assert heard.get(timeout=WAIT_S) is Command.HOLD


@pytest.mark.parametrize(
    ("lsl_format", "marker"), [(pylsl.cf_int32, 7), (pylsl.cf_string, b"\xff\xfe")]
)
def test_markers_that_are_no_text_do_not_end_the_listening(
    lsl_format: int, marker: object, source_id: str
) -> None:
    """Numbers, as many paradigms send, and bytes that are not UTF-8."""
    outlets = [markers(source_id, lsl_format=lsl_format)]
    with listening(source_id) as heard:
        assert outlets[0].wait_for_consumers(WAIT_S)
        outlets[0].push_sample([marker])
        assert not eventually(lambda: not outlets[0].have_consumers(), within_s=0.3)
        outlets.clear()
        outlets.append(markers(source_id))
        assert outlets[0].wait_for_consumers(WAIT_S)
        outlets[0].push_sample(["hold"])
        assert heard.get(timeout=WAIT_S) is Command.HOLD


LISTENER = """
import signal, sys, threading
from rt_ner.live.operator.keyboard import listen_to_keyboard
over = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: over.set())
with listen_to_keyboard(lambda command: print(command, flush=True)) as has_keyboard:
    print("keyboard" if has_keyboard else "no keyboard", flush=True)
    if sys.argv[1] == "until told":
        over.wait(60)
    elif sys.argv[1] == "until the terminal is gone":
        while threading.active_count() > 1 and not over.wait(0.01):
            pass
print("over", flush=True)
"""

# Its own session, with the terminal; the listener in the background of it, as after `… &`.
SHELL = """
import fcntl, os, subprocess, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
job = subprocess.Popen([sys.executable, "-c", sys.argv[1], "at once"], process_group=0)
_, status = os.waitpid(job.pid, os.WUNTRACED)
if os.WIFSTOPPED(status):
    print("stopped by the system", flush=True)
    job.kill()
"""


@contextmanager
def running(stdin: int, *arguments: str, **how: bool) -> Iterator["subprocess.Popen[str]"]:
    """A Python process that reads from a terminal."""
    with subprocess.Popen(
        [sys.executable, "-c", *arguments],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **how,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """A pseudo-terminal: the end with the keyboard, and the one with the process."""
    ends = os.openpty()
    yield ends
    for end in ends:
        with suppress(OSError):
            os.close(end)


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline().strip()


@needs_pty
def test_keys_are_heard_in_order_and_the_terminal_is_left_as_it_was(
    terminal: tuple[int, int],
) -> None:
    import termios

    keyboard, line = terminal
    before = termios.tcgetattr(line)
    with running(line, LISTENER, "until told") as process:
        assert said(process) == "keyboard"
        unseen = ~(termios.ECHO | termios.ICANON)
        assert termios.tcgetattr(line)[3] == before[3] & unseen
        for keys, commands in ((b"h", ["hold"]), (b"q", ["stop"]), (b"zrX ", ["resume", "reset"])):
            os.write(keyboard, keys)
            assert [said(process) for _ in commands] == commands
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=WAIT_S) == ("over\n", "")
    assert termios.tcgetattr(line) == before


@needs_pty
def test_arrow_and_function_keys_are_not_the_letters_that_they_send(
    terminal: tuple[int, int],
) -> None:
    f2, f3, home, alt_q, control_home = b"\x1bOQ", b"\x1bOR", b"\x1b[H", b"\x1bq", b"\x1b[1;5H"
    keyboard, line = terminal
    with running(line, LISTENER, "until told") as process:
        assert said(process) == "keyboard"
        os.write(keyboard, f2 + f3 + home + alt_q + control_home + b"x")
        assert said(process) == "reset"


@needs_pty
def test_a_terminal_that_is_gone_is_listened_to_no_longer(terminal: tuple[int, int]) -> None:
    keyboard, line = terminal
    with running(line, LISTENER, "until the terminal is gone") as process:
        assert said(process) == "keyboard"
        os.close(keyboard)
        assert process.communicate(timeout=WAIT_S) == ("over\n", "")
        assert process.returncode == 0


@needs_pty
def test_a_process_in_the_background_leaves_the_terminal_alone(terminal: tuple[int, int]) -> None:
    with running(terminal[1], SHELL, LISTENER, start_new_session=True) as process:
        assert process.communicate(timeout=WAIT_S) == ("no keyboard\nover\n", "")


@pytest.mark.parametrize("stdin", [subprocess.DEVNULL, None])
def test_without_a_keyboard_nothing_is_listened_to(stdin: int | None) -> None:
    """Neither from a pipe or a file, nor if there is no stdin at all."""
    closing = "" if stdin else "import sys; sys.stdin = None\n"
    with running(subprocess.DEVNULL, closing + LISTENER, "at once") as process:
        assert process.communicate(timeout=WAIT_S) == ("no keyboard\nover\n", "")
