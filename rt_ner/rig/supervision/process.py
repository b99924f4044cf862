"""Start a part's process apart from the terminal, or take one over that runs already."""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Protocol

from rt_ner.core.errors import RtNerError
from rt_ner.rig.plan.part import Part
from rt_ner.rig.supervision.identity import identity_of
from rt_ner.system.processes import TOO_BUSY, ChildProcess, Message, event_log_of, events_in

# Logs of earlier starts that are kept, for each part.
_KEPT = 5
_POLL_S = 0.05


class Process(Protocol):
    """A part's process, whoever started it."""

    @property
    def pid(self) -> int:
        """Process id."""

    def has_ended(self) -> bool:
        """Return True if the process has ended."""

    def wait(self, timeout_s: float) -> int | None:
        """Wait for the end and return the exit code, None if nobody knows it.

        Raise RtNerError if the process does not end in time.
        """

    def interrupt(self) -> None:
        """Interrupt the process as Ctrl-C does."""

    def end(self) -> None:
        """Make sure that the process is gone."""

    def events(self, name: str) -> list[Message]:
        """Return the values of all events of this name so far, oldest first."""

    def last_words(self) -> str:
        """Return the last line of its text, for a message."""


class TakenOver:
    """A process that an earlier run of the rig started, and that ran on when it was killed."""

    def __init__(self, pid: int, identity: str, log: Path) -> None:
        self.pid = pid
        self._identity = identity
        self._log = log

    def has_ended(self) -> bool:
        """Return True if the process has ended."""
        return identity_of(self.pid) != self._identity

    def wait(self, timeout_s: float) -> int | None:
        """Wait for the end; nobody knows the code of a process that another one started."""
        for _ in range(round(timeout_s / _POLL_S)):
            if self.has_ended():
                return None
            Event().wait(_POLL_S)
        raise RtNerError(f"process {self.pid} did not end within {timeout_s:g} s; {TOO_BUSY}")

    def interrupt(self) -> None:
        """Interrupt the process as Ctrl-C does."""
        self._send(signal.SIGINT)

    def end(self) -> None:
        """Make sure that the process is gone."""
        if sys.platform != "win32":
            self._send(signal.SIGKILL)

    def events(self, name: str) -> list[Message]:
        """Return the values of all events of this name so far, oldest first."""
        return events_in(event_log_of(self._log), name)

    def last_words(self) -> str:
        """Return where it wrote."""
        return f"see {self._log}"

    def _send(self, number: int) -> None:
        if not self.has_ended():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


def log_of(logs: Path, name: str) -> Path:
    """Return the file to which a part writes."""
    return logs / f"{name}.log"


def started(part: Part, logs: Path) -> ChildProcess:
    """Start a part in a process group of its own; its earlier logs are kept for a while."""
    logs.mkdir(parents=True, exist_ok=True)
    log = log_of(logs, part.name)
    for file in (log, event_log_of(log)):
        rotate(file)
    return ChildProcess(list(part.arguments), log, apart=True)


def end_group(pid: int) -> None:
    """End what a process that is gone may have started and left (Linux, macOS)."""
    if sys.platform != "win32":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def rotate(file: Path) -> None:
    """Give the logs of earlier starts numbers, the newest 1, as in ``decoder.1.log``."""
    name, _, suffixes = file.name.partition(".")
    for number in range(_KEPT, 0, -1):
        before = file if number == 1 else file.with_name(f"{name}.{number - 1}.{suffixes}")
        if before.exists():
            before.replace(file.with_name(f"{name}.{number}.{suffixes}"))
