"""Recorder: LabRecorder's remote control, as its own documentation describes it."""

import socket
from threading import Thread

from rt_ner.errors import ConfigError

_ANSWER_S = 2.0


class LabRecorder:
    """Starts and stops a LabRecorder at ``host:port``, from a thread, so that nobody waits.

    ``is_recording`` as far as we told it; ``problem``: why the last order failed, else empty.
    """

    def __init__(self, address: str) -> None:
        host, colon, port = address.rpartition(":")
        if not (colon and host and port.isdecimal() and 0 < int(port) < 65_536):
            raise ConfigError(f"--recorder {address}: expected HOST:PORT, localhost:22345 say")
        self._address = host, int(port)
        self._thread: Thread | None = None
        self.is_recording = False
        self.problem = ""

    def toggle(self) -> None:
        """Record all streams that are visible, or stop; one order at a time."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = Thread(target=self._order, args=(not self.is_recording,), daemon=True)
            self._thread.start()

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
            self.problem = (
                f"LabRecorder at {host}:{port} can't be told ({error}): start it, with its remote "
                "control enabled"
            )
            return
        self.problem, self.is_recording = "", record
