"""Cut off clients that don't read, before anyone has to wait for them."""

from collections.abc import Callable
from threading import Event, Thread

from rt_ner.lsl.sending.client_sockets import ClientSockets

_EVERY_S = 0.05
# Listing all connections of the computer takes a millisecond or two.
_LOOKS_PER_LISTING = 20
# The rest of the buffer is for what is sent until the next look.
_FULLEST = 0.5


class ClientGuard:
    """A thread that watches the clients of a stream whose samples leave in the sender's thread.

    The sender writes into a buffer that the kernel keeps for each client. If a client is frozen or
    its network is gone, its buffer fills up. Once it is full, the sender would have to wait, and
    with it all other clients: liblsl's own time limit (``SyncSendTimeout`` in 1.18) has no effect.
    So the guard ends the connection of a client whose buffer is half full. It can connect again.

    A frozen client on the same computer has a buffer of its own, which grows to tens of megabytes.
    The kernel tidies it up now and then, in the sender's thread: 17 ms were measured after 80,000
    velocities. So such a client is cut off earlier, by what it has not read.

    Parameters
    ----------
    sockets
        The connections to watch.
    stream
        Name of the stream, for the report.
    most_unread
        Largest number of bytes that a client on this computer may leave unread.
    report
        Called with a sentence on each client that is cut off, from the guard's thread.

    """

    def __init__(
        self,
        sockets: ClientSockets,
        stream: str,
        most_unread: float,
        report: Callable[[str], object],
    ) -> None:
        self._sockets = sockets
        self._stream = stream
        self._most_unread = most_unread
        self._report = report
        self._n_looks = 0
        self._cut_off: frozenset[int] = frozenset()
        self._closed = Event()
        self._thread = Thread(target=self._run, name="ClientGuard", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._closed.set()

    def look(self) -> None:
        """Cut off all clients that have fallen too far behind."""
        clients = self._sockets.look()
        unread = {} if self._n_looks % _LOOKS_PER_LISTING else self._sockets.unread()
        self._n_looks += 1
        # A connection that was cut off is there until what waits in it has been read.
        self._cut_off &= clients
        for client in clients - self._cut_off:
            is_behind = (
                self._sockets.fill(client) > _FULLEST or unread.get(client, 0) > self._most_unread
            )
            if is_behind and (host := self._sockets.cut_off(client)):
                self._cut_off |= {client}
                self._report(
                    f"a client of the stream '{self._stream}' on {host} did not read its samples: "
                    "its connection was closed, so that nobody waits for it. Look for a frozen "
                    "program or a broken network there; a program that still runs can connect again"
                )

    def _run(self) -> None:
        while not self._closed.wait(_EVERY_S):
            self.look()
