"""Recorder: what the view's button starts and stops: our own, or a LabRecorder elsewhere."""

import socket
import time
from pathlib import Path
from threading import Thread
from typing import Protocol

from rt_ner.core.errors import ConfigError, RtNerError
from rt_ner.record.naming import RecordingName
from rt_ner.record.recorder_process import RecorderChild

_ANSWER_S = 2.0
_SHOWN_S = 5.0
_RECORDING = "● recording"


class Recorder(Protocol):
    """Records all visible streams, or stops."""

    @property
    def state(self) -> str:
        """Whether it does, as far as is known, in words; empty: it does not."""

    @property
    def says(self) -> str:
        """What the operator should read now; empty: nothing."""

    def toggle(self) -> None:
        """Record, or stop; nobody waits."""

    def close(self) -> None:
        """The view ends."""


class OwnRecorder:
    """``rt-ner record`` into a folder, in a process of its own; it ends with the view."""

    def __init__(self, folder: Path, name: RecordingName) -> None:
        self._folder, self._name = folder, name
        self._child: RecorderChild | None = None
        self._ending: Thread | None = None
        self._said, self._said_at_s = "", 0.0

    @property
    def is_running(self) -> bool:
        """Whether its process runs."""
        return self._child is not None and not self._child.has_ended()

    @property
    def state(self) -> str:
        """Whether it records, or is about to."""
        if self._child is None or not self.is_running:
            return ""
        return _RECORDING if self._child.has_begun else "recording begins"

    @property
    def says(self) -> str:
        """Its newest words for a while; for good if it has ended by itself."""
        has_failed = self._child is not None and not self.is_running
        is_new = time.monotonic() - self._said_at_s < _SHOWN_S
        return self._said if has_failed or is_new else ""

    def toggle(self) -> None:
        """Begin a new file, or close the one that is being written."""
        if self._ending and self._ending.is_alive():
            return
        if self.is_running:
            self._ending = Thread(target=self._end)
            self._ending.start()
            return
        self._end()
        self._child = RecorderChild(self._folder, self._name, self._hear)

    def close(self) -> None:
        """Return once its file is whole."""
        if self._ending:
            self._ending.join()
        self._end()

    def _end(self) -> None:
        if self._child is None:
            return
        try:
            self._child.close()
        except RtNerError as error:
            self._hear(str(error))
        self._child = None

    def _hear(self, said: str) -> None:
        self._said, self._said_at_s = said, time.monotonic()


class RemoteLabRecorder:
    """Starts and stops a LabRecorder at ``host:port``, from a thread, so that nobody waits.

    By its remote control, as its own documentation describes it. ``is_recording`` as far as we told
    it; ``says``: why the last order failed, else empty. It goes on without the view.
    """

    def __init__(self, address: str) -> None:
        host, colon, port = address.rpartition(":")
        if not (colon and host and port.isdecimal() and 0 < int(port) < 65_536):
            raise ConfigError(f"--recorder {address}: expected HOST:PORT, localhost:22345 say")
        self._address = host, int(port)
        self._thread: Thread | None = None
        self.is_recording = False
        self.says = ""

    def toggle(self) -> None:
        """Record all streams that are visible, or stop; one order at a time."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = Thread(target=self._order, args=(not self.is_recording,), daemon=True)
            self._thread.start()

    @property
    def state(self) -> str:
        """Whether it records, as far as we told it."""
        return _RECORDING if self.is_recording else ""

    def close(self) -> None:
        """Leave it as it is: it was there before the view."""

    def _order(self, record: bool) -> None:
        lines = ("update", "select all", "start") if record else ("stop",)
        try:
            with socket.create_connection(self._address, _ANSWER_S) as connection:
                for line in lines:
                    connection.sendall(f"{line}\n".encode())
                    if not connection.recv(64).startswith(b"OK"):
                        raise OSError(f"it does not know '{line}'")
        except OSError as error:
            host, port = self._address
            self.says = (
                f"LabRecorder at {host}:{port} can't be told ({error}): start it, with its remote "
                "control enabled"
            )
            return
        self.says, self.is_recording = "", record
