"""Cut off connections that stay without need, so that none can keep others out."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_CONNECTIONS = 64
# A request with its answer, and the time after which a reader that reads nothing is given up.
_REQUEST_S, _STUCK_S = 10.0, 10.0
# Bytes that wait for a slow reader here; more, and the next snapshot is not even begun.
WAITING_BYTES = 16_384

Peer = tuple[str, int]


class GuardedProtocol(H11Protocol):
    """A connection of one request, which must be answered soon, or be a stream that is read."""

    open: dict[Peer, "GuardedProtocol"] = {}  # noqa: RUF012 - all connections of the process

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._cut_off: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin the time for the request."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
            return
        transport.set_write_buffer_limits(high=WAITING_BYTES)
        if self.client:
            self.open[self.client] = self
        self._cut_off_in(_REQUEST_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stay()
        if self.client:
            self.open.pop(self.client, None)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Begin the time for a reader that does not read."""
        super().pause_writing()
        self._cut_off_in(_STUCK_S)

    def resume_writing(self) -> None:
        """End it."""
        super().resume_writing()
        self._stay()

    def _cut_off_in(self, seconds: float) -> None:
        self._stay()
        self._cut_off = self.loop.call_later(seconds, self.transport.abort)

    def _stay(self) -> None:
        if self._cut_off:
            self._cut_off.cancel()
            self._cut_off = None

    @classmethod
    def let_stay(cls, peer: Peer | None) -> None:
        """Let the connection from a peer stay as long as it is read: it has become a stream."""
        if peer and (connection := cls.open.get(peer)):
            connection._stay()

    @classmethod
    def cut_off_all(cls) -> None:
        """Cut off all connections: the page ends."""
        for connection in tuple(cls.open.values()):
            connection.transport.abort()
