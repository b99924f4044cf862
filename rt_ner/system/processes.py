"""Run parts of the pipeline as child processes, and pass messages between parent and child.

A message is one JSON object per line: a child writes events on stdout, ``{"event": "trial", …}``,
and reads orders on stdin, ``{"order": "stop", …}``. Text for people goes to stderr, and no program
parses it.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from threading import Event, Thread
from typing import Any

from rt_ner.core.errors import RtNerError

if sys.platform == "win32":
    # Only a process group of its own can be sent Ctrl-Break.
    _CREATION_FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP
    _BACKGROUND_FLAGS = subprocess.IDLE_PRIORITY_CLASS
    _INTERRUPT = signal.CTRL_BREAK_EVENT
else:
    _CREATION_FLAGS = _BACKGROUND_FLAGS = 0
    _INTERRUPT = signal.SIGINT

# Remedy where a process has not ended in time.
TOO_BUSY = "the computer may be too busy: close other programs"
_KILL_AFTER_S = 5.0
_LOOK_S = 0.2
_LOWEST_PRIORITY = 19
# NumPy and torch would take all cores.
_ONE_CORE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
# Set for a child whose parent reads its events.
_PARENT_LISTENS = "RT_NER_PARENT_LISTENS"
# Events that a full disk did not take, oldest first.
_UNTOLD: list[str] = []

Message = dict[str, Any]


def parsed(line: str | bytes, key: str) -> Message | None:
    """Return the message in a line, or None if the line is not a JSON object with this key."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) and key in message else None


def write_event(event: str, **values: object) -> None:
    """Write an event on stdout."""
    _write(_event_line(event, values))


def event_log_of(log: Path) -> Path:
    """Return the file of a process's events, which lies beside that of its text."""
    return log.with_suffix(".events.jsonl")


def events_in(event_log: Path, name: str) -> list[Message]:
    """Return the values of all events of this name in a file, oldest first."""
    lines = _text_in(event_log).splitlines()
    events = [event for line in lines if (event := parsed(line, "event"))]
    return [event for event in events if event.pop("event") == name]


def _text_in(file: Path) -> str:
    """Return a text that others write; nothing if it can't be read, as on a drive pulled out."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def tell_parent(event: str, **values: object) -> None:
    """Write an event on stdout if the process that started this one reads events.

    What a full disk does not take is written with the next event: it must not end a session.
    """
    if not os.environ.get(_PARENT_LISTENS):
        return
    _UNTOLD.append(_event_line(event, values))
    with suppress(OSError):
        while _UNTOLD:
            _write(_UNTOLD[0])
            _UNTOLD.pop(0)


def _event_line(event: str, values: Message) -> str:
    return json.dumps({"event": event, **values}) + "\n"


def _write(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


def listen_for_orders(
    obey: Callable[[Message], object], on_end: Callable[[], object] = lambda: None
) -> None:
    """Call ``obey`` in a thread with each order on stdin, and ``on_end`` when stdin closes."""

    def listen() -> None:
        # Unbuffered, for a thread that holds the buffer's lock crashes Python at its exit. There
        # are no orders if there is no stdin.
        with suppress(OSError):
            for line in FileIO(0, closefd=False):
                if order := parsed(line, "order"):
                    obey(order)
        on_end()

    Thread(target=listen, daemon=True).start()


class ChildProcess:
    """One ``rt-ner`` command in a process of its own.

    Its text for people goes to the file ``log``, its events to one beside it. ``in_background``:
    it computes on one core, and only while nothing else wants that. ``apart``: neither Ctrl-C in
    the terminal nor its end reaches the process (Linux, macOS).
    """

    def __init__(
        self, arguments: list[str], log: Path, in_background: bool = False, apart: bool = False
    ) -> None:
        self._command = f"rt-ner {arguments[0]}"
        self._log = log
        self._event_log = event_log_of(log)
        with log.open("wb") as text, self._event_log.open("wb") as events:
            self._process = subprocess.Popen(  # noqa: S603 - our own program, by list
                [sys.executable, "-m", "rt_ner", *arguments],
                stdin=subprocess.PIPE,
                stdout=events,
                stderr=text,
                env=(_ONE_CORE if in_background else {})
                | os.environ
                | {"PYTHONUNBUFFERED": "1", _PARENT_LISTENS: "1"},
                creationflags=_CREATION_FLAGS | (_BACKGROUND_FLAGS if in_background else 0),
                start_new_session=apart,
            )
        if in_background and sys.platform != "win32":
            # Its threads inherit it: it has none yet.
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self._process.pid, _LOWEST_PRIORITY)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def order(self, order: str, **values: object) -> None:
        """Send an order to the process."""
        assert self._process.stdin
        line = json.dumps({"order": order, **values}) + "\n"
        self._process.stdin.write(line.encode())
        self._process.stdin.flush()

    def events(self, name: str) -> list[Message]:
        """Return the values of all events of this name so far, oldest first."""
        return events_in(self._event_log, name)

    def log_lines(self) -> list[str]:
        """Return the lines of text so far; while the process runs, only complete lines."""
        has_ended = self.has_ended()
        text = _text_in(self._log)
        return (text if has_ended else text[: text.rfind("\n") + 1]).splitlines()

    def last_words(self) -> str:
        """Return the last line of its text, for an error message."""
        lines = [line for line in self.log_lines() if line.strip()]
        return f"its last line: {lines[-1]}" if lines else f"it wrote nothing to {self._log}"

    def kill(self) -> None:
        """End the process as a crash would."""
        self._process.kill()
        self._process.wait()

    def has_ended(self) -> bool:
        """Return True if the process has ended."""
        return self._process.poll() is not None

    def interrupt(self) -> None:
        """Interrupt the process as Ctrl-C does (Ctrl-Break on Windows)."""
        if not self.has_ended():
            self._process.send_signal(_INTERRUPT)

    def wait(self, timeout_s: float) -> int:
        """Wait for the end and return the exit code; raise RtNerError if it does not end."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            said = f"did not end within {timeout_s:g} s; {self.last_words()}; {TOO_BUSY}"
            raise RtNerError(f"{self._command} {said}") from error

    def finish(self, timeout_s: float) -> None:
        """Wait for the end; raise RtNerError if the process fails or does not end."""
        code = self.wait(timeout_s)
        if code != 0:
            raise RtNerError(f"{self._command} ended with code {code}; {self.last_words()}")

    def end(self) -> None:
        """Make sure that the process is gone."""
        self.interrupt()
        try:
            self._process.wait(_KILL_AFTER_S)
        except subprocess.TimeoutExpired:
            self.kill()
        assert self._process.stdin
        # An order that it did not live to read is still in the pipe's buffer.
        with suppress(BrokenPipeError):
            self._process.stdin.close()


@contextmanager
def child_process(arguments: list[str], log_folder: Path) -> Iterator[ChildProcess]:
    """Run an ``rt-ner`` command within the block; it is gone at the end, whatever happens."""
    process = ChildProcess(arguments, log_folder / f"{arguments[0]}.log")
    try:
        yield process
    finally:
        process.end()


@contextmanager
def tell_if_it_fails(
    process: ChildProcess, name: str, remedy: str, tell: Callable[[str], object]
) -> Iterator[None]:
    """Watch a process within the block, and call ``tell`` with a sentence if it ends in failure."""
    is_over = Event()

    def watch() -> None:
        while not is_over.wait(_LOOK_S):
            if process.has_ended():
                if code := process.wait(_LOOK_S):
                    tell(f"{name} has ended with code {code} ({process.last_words()}): {remedy}")
                return

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
