"""Start and stop a recorder from the view: our own, or a LabRecorder elsewhere."""

import socket
import time
from pathlib import Path
from threading import Thread
from typing import Protocol

from rt_ner.core.errors import ConfigError, RtNerError
from rt_ner.record.naming import RecordingName
from rt_ner.record.processes.recorder_process import RecorderChild

_ANSWER_S = 2.0
_SHOWN_S = 5.0
_RECORDING = "● recording"


class Recorder(Protocol):
    """A recorder of all visible streams."""

    @property
    def state(self) -> str:
        """Its state as far as it is known, in words; empty if it does not record."""

    @property
    def says(self) -> str:
        """Its message to the operator; empty if there is none."""

    def toggle(self) -> None:
        """Start or stop recording, without waiting for it."""

    def close(self) -> None:
        """Finish, because the view ends."""


class OwnRecorder:
    """``rt-ner record`` in a process of its own, which ends with the view."""

    def __init__(self, folder: Path, name: RecordingName) -> None:
        self._folder, self._name = folder, name
        self._child: RecorderChild | None = None
        self._ending: Thread | None = None
        self._said, self._said_at_s = "", 0.0

    @property
    def is_running(self) -> bool:
        """True if its process runs."""
        return self._child is not None and not self._child.has_ended()

    @property
    def state(self) -> str:
        """Its state in words; empty if it does not record."""
        if self._child is None or not self.is_running:
            return ""
        return _RECORDING if self._child.has_begun else "starting to record"

    @property
    def says(self) -> str:
        """Its newest message for some seconds; for good if it has ended by itself."""
        has_failed = self._child is not None and not self.is_running
        is_new = time.monotonic() - self._said_at_s < _SHOWN_S
        return self._said if has_failed or is_new else ""

    def toggle(self) -> None:
        """Start a new file, or close the one that is being written."""
        if self._ending and self._ending.is_alive():
            return
        if self.is_running:
            self._ending = Thread(target=self._end)
            self._ending.start()
            return
        self._end()
        self._child = RecorderChild(self._folder, self._name, self._hear)

    def close(self) -> None:
        """Wait until its file is complete."""
        if self._ending:
            self._ending.join()
        self._end()

    def _end(self) -> None:
        if self._child is None:
            return
        try:
            # Another recording may begin while the report is written.
            self._child.end_recording()
        except RtNerError as error:
            self._hear(str(error))
        self._child = None

    def _hear(self, said: str) -> None:
        self._said, self._said_at_s = said, time.monotonic()


class RemoteLabRecorder:
    """A LabRecorder at ``host:port``, started and stopped by its remote control from a thread.

    ``is_recording`` follows from our own orders; ``says`` is the reason why the last one failed,
    else empty. It keeps recording without the view.
    """

    def __init__(self, address: str) -> None:
        host, colon, port = address.rpartition(":")
        if not (colon and host and port.isdecimal() and 0 < int(port) < 65_536):
            raise ConfigError(f"--recorder {address}: expected HOST:PORT, e.g. localhost:22345")
        self._address = host, int(port)
        self._thread: Thread | None = None
        self.is_recording = False
        self.says = ""

    def toggle(self) -> None:
        """Record all visible streams, or stop; one order at a time."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = Thread(target=self._order, args=(not self.is_recording,), daemon=True)
            self._thread.start()

    @property
    def state(self) -> str:
        """Its state in words, by our own orders."""
        return _RECORDING if self.is_recording else ""

    def close(self) -> None:
        """Leave it as it is, because it does not belong to the view."""

    def _order(self, record: bool) -> None:
        lines = ("update", "select all", "start") if record else ("stop",)
        try:
            with socket.create_connection(self._address, _ANSWER_S) as connection:
                for line in lines:
                    connection.sendall(f"{line}\n".encode())
                    if not connection.recv(64).startswith(b"OK"):
                        raise OSError(f"it refused '{line}'")
        except OSError as error:
            host, port = self._address
            self.says = (
                f"LabRecorder at {host}:{port} did not obey ({error}): start it, with its remote "
                "control enabled"
            )
            return
        self.says, self.is_recording = "", record
