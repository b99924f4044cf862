"""Children: parts of the pipeline as child processes, watched, and ended as a user would."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rt_ner.core.errors import RtNerError

if sys.platform == "win32":
    # Only a process group of its own can be sent Ctrl-Break.
    _CREATION_FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP
    _INTERRUPT = signal.CTRL_BREAK_EVENT
else:
    _CREATION_FLAGS = 0
    _INTERRUPT = signal.SIGINT

_KILL_AFTER_S = 5.0


class ChildProcess:
    """One ``rt-ner`` command in a process of its own; what it says goes to a log file."""

    def __init__(self, arguments: list[str], log: Path) -> None:
        self._what = f"rt-ner {arguments[0]}"
        self._log = log
        with log.open("wb") as file:
            self._process = subprocess.Popen(  # noqa: S603 - our own program, by list
                [sys.executable, "-m", "rt_ner", *arguments],
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
                creationflags=_CREATION_FLAGS,
            )

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def order(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._process.stdin
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def said(self) -> list[str]:
        """The lines that it wrote so far; while it runs, whole ones only."""
        has_ended = self.has_ended()
        text = self._log.read_text(encoding="utf-8", errors="replace")
        return (text if has_ended else text[: text.rfind("\n") + 1]).splitlines()

    def kill(self) -> None:
        """End it without a word, as a crash would."""
        self._process.kill()
        self._process.wait()

    def has_ended(self) -> bool:
        """Whether it runs no more."""
        return self._process.poll() is not None

    def interrupt(self) -> None:
        """Ctrl-C (Ctrl-Break on Windows)."""
        if not self.has_ended():
            self._process.send_signal(_INTERRUPT)

    def wait(self, timeout_s: float) -> int:
        """Wait for its end; its exit code. RtNerError, with its last words, if it does not end."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise RtNerError(f"{self._what} did not end; {self._last_words()}") from error

    def finish(self, timeout_s: float) -> None:
        """Wait for its end; RtNerError, with its last words, if it failed or did not end."""
        code = self.wait(timeout_s)
        if code != 0:
            raise RtNerError(f"{self._what} ended with code {code}; {self._last_words()}")

    def end(self) -> None:
        """Make sure that it is gone."""
        self.interrupt()
        try:
            self._process.wait(_KILL_AFTER_S)
        except subprocess.TimeoutExpired:
            self.kill()
        assert self._process.stdin
        # An order that it did not live to read is still in the pipe's buffer.
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    def _last_words(self) -> str:
        lines = [line for line in self.said() if line.strip()]
        return f"it said: {lines[-1]}" if lines else f"it said nothing (log: {self._log})"


@contextmanager
def child_process(arguments: list[str], log_folder: Path) -> Iterator[ChildProcess]:
    """A running ``rt-ner`` command, gone at the end of the block whatever happens."""
    process = ChildProcess(arguments, log_folder / f"{arguments[0]}.log")
    try:
        yield process
    finally:
        process.end()
