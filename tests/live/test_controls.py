"""The operator's commands, over LSL and from a keyboard: obeyed in order, and nothing else is."""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pylsl
import pytest

from rt_ner.live.operator.marker_commands import listen_to_markers
from rt_ner.live.settings import ControlSettings
from rt_ner.live.states import Command
from rt_ner.lsl.streams import FORMAT_NAMES
from tests.helpers.waiting import LONGEST_S, wait_until

needs_pty = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no pseudo-terminals like this"
)


def markers(
    source_id: str, lsl_type: str = "Markers", lsl_format: int = pylsl.cf_string
) -> pylsl.StreamOutlet:
    return pylsl.StreamOutlet(pylsl.StreamInfo("m", lsl_type, 1, 0, lsl_format, source_id))


@contextmanager
def listening(
    source_id: str, alarms: "queue.Queue[str] | None" = None, host: str = ""
) -> Iterator["queue.Queue[Command]"]:
    """Listen to the marker stream with this source_id."""
    heard: queue.Queue[Command] = queue.Queue()
    stop = threading.Event()
    alarm = (alarms or queue.Queue()).put
    listen_to_markers(ControlSettings(source_id=source_id, host=host), heard.put, stop, alarm)
    try:
        yield heard
    finally:
        stop.set()


def test_commands_are_heard_in_order_and_other_text_is_ignored(source_id: str) -> None:
    outlet = markers(source_id)
    with listening(source_id) as heard:
        assert outlet.wait_for_consumers(LONGEST_S)
        texts = ["hold", "held", "", " RESUME ", "Reset\r\n", "hold on", "trial_start 3", "STOP"]
        for text in texts:
            outlet.push_sample([text])
        commands = [heard.get(timeout=LONGEST_S) for _ in range(4)]
    assert commands == [Command.HOLD, Command.RESUME, Command.RESET, Command.STOP]
    wait_until(lambda: not outlet.have_consumers())
    assert heard.empty()


def test_nobody_else_is_obeyed(source_id: str) -> None:
    others = [markers(source_id + "x"), markers(""), markers(source_id, "Events")]
    outlet = markers(source_id)
    with listening(source_id) as heard:
        assert outlet.wait_for_consumers(LONGEST_S)
        for other in others:
            assert not other.have_consumers()
            other.push_sample(["stop"])
        outlet.push_sample(["hold"])
        assert heard.get(timeout=LONGEST_S) is Command.HOLD
    assert heard.empty()


def test_the_marker_stream_may_go_and_come_back(source_id: str) -> None:
    with listening(source_id) as heard:
        for command in (Command.HOLD, Command.RESUME):
            outlet = markers(source_id)
            assert outlet.wait_for_consumers(LONGEST_S)
            outlet.push_sample([command])
            assert heard.get(timeout=LONGEST_S) is command
            del outlet


def test_of_two_streams_of_one_name_neither_is_obeyed(source_id: str) -> None:
    first, second = markers(source_id), markers(source_id)
    alarms: queue.Queue[str] = queue.Queue()
    with listening(source_id, alarms) as heard:
        alarm = alarms.get(timeout=LONGEST_S)
        assert f"2 marker streams are called '{source_id}'" in alarm
        assert "none of them is obeyed" in alarm
        assert not first.have_consumers()
        assert not second.have_consumers()
        del first
        assert second.wait_for_consumers(LONGEST_S)
        second.push_sample(["hold"])
        assert heard.get(timeout=LONGEST_S) is Command.HOLD


@pytest.mark.parametrize("lsl_format", [pylsl.cf_int32, pylsl.cf_float32, pylsl.cf_int8])
def test_a_stream_of_numbers_is_refused_with_the_reason_and_replaced(
    lsl_format: int, source_id: str
) -> None:
    """Numbers, as many paradigms send."""
    alarms: queue.Queue[str] = queue.Queue()
    numbers = markers(source_id, lsl_format=lsl_format)
    with listening(source_id, alarms) as heard:
        alarm = alarms.get(timeout=LONGEST_S)
        assert f"'{source_id}' is not obeyed: it sends {FORMAT_NAMES[lsl_format]}" in alarm
        assert "string" in alarm
        assert not numbers.have_consumers()
        del numbers
        texts = markers(source_id)
        assert texts.wait_for_consumers(LONGEST_S)
        texts.push_sample(["hold"])
        assert heard.get(timeout=LONGEST_S) is Command.HOLD
    assert alarms.empty()


def test_a_marker_that_is_no_command_is_said_once_and_nothing_else_is_lost(source_id: str) -> None:
    alarms: queue.Queue[str] = queue.Queue()
    outlet = markers(source_id)
    with listening(source_id, alarms) as heard:
        assert outlet.wait_for_consumers(LONGEST_S)
        for marker in (b"\xff\xfe", "hold", "pause", b"\xff\xfe", "", "pause", "RESUME"):
            outlet.push_sample([marker])
        assert [heard.get(timeout=LONGEST_S) for _ in range(2)] == [Command.HOLD, Command.RESUME]
    not_text, unknown = alarms.get(timeout=LONGEST_S), alarms.get(timeout=LONGEST_S)
    assert alarms.empty()
    assert f"b'\\xff\\xfe' from {source_id} is not UTF-8" in not_text
    assert f"'pause' from {source_id} is no command: expected one of hold, resume" in unknown


def test_a_stream_of_other_markers_does_not_fill_the_screen(source_id: str) -> None:
    alarms: queue.Queue[str] = queue.Queue()
    outlet = markers(source_id)
    with listening(source_id, alarms) as heard:
        assert outlet.wait_for_consumers(LONGEST_S)
        for trial in range(50):
            outlet.push_sample([f"trial_start {trial}"])
        outlet.push_sample(["hold"])
        assert heard.get(timeout=LONGEST_S) is Command.HOLD
    assert alarms.qsize() == 8
    assert "others will not be shown" in [alarms.get() for _ in range(8)][-1]


def test_a_stream_of_another_type_or_host_is_refused_with_the_reason(source_id: str) -> None:
    alarms: queue.Queue[str] = queue.Queue()
    event_outlet = markers(f"{source_id}-a", "Events")
    marker_outlet = markers(f"{source_id}-b")
    with listening(f"{source_id}-a", alarms):
        assert "expected type Markers, found 'm' (type Events" in alarms.get(timeout=LONGEST_S)
    with listening(f"{source_id}-b", alarms, host="elsewhere"):
        assert "expected type Markers from host elsewhere" in alarms.get(timeout=LONGEST_S)
    assert not event_outlet.have_consumers()
    assert not marker_outlet.have_consumers()


LISTENER = """
import signal, sys, threading
from rt_ner.live.operator.keyboard import KEYS, listen_to_keyboard
over = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: over.set())
with listen_to_keyboard(lambda command: print(command, flush=True), KEYS) as has_keyboard:
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
        assert process.communicate(timeout=LONGEST_S) == ("over\n", "")
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
        assert process.communicate(timeout=LONGEST_S) == ("over\n", "")
        assert process.returncode == 0


@needs_pty
def test_a_process_in_the_background_leaves_the_terminal_alone(terminal: tuple[int, int]) -> None:
    with running(terminal[1], SHELL, LISTENER, start_new_session=True) as process:
        assert process.communicate(timeout=LONGEST_S) == ("no keyboard\nover\n", "")


@pytest.mark.parametrize("stdin", [subprocess.DEVNULL, None])
def test_without_a_keyboard_nothing_is_listened_to(stdin: int | None) -> None:
    """Neither from a pipe or a file, nor if there is no stdin at all."""
    closing = "" if stdin else "import sys; sys.stdin = None\n"
    with running(subprocess.DEVNULL, closing + LISTENER, "at once") as process:
        assert process.communicate(timeout=LONGEST_S) == ("no keyboard\nover\n", "")
