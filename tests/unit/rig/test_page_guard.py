"""Connections that stay without need are cut off; a stream stays as long as it is read."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

uvicorn = pytest.importorskip("uvicorn")

from uvicorn.server import ServerState  # noqa: E402

from rt_ner.rig.page.web.guard import MOST_CONNECTIONS, GuardedProtocol  # noqa: E402


class Timer:
    def __init__(self, act: Callable[[], None]) -> None:
        self.act = act
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class FakeLoop:
    """A loop whose time passes when the test says so."""

    def __init__(self) -> None:
        self.timers: list[Timer] = []

    def call_later(self, _seconds: float, act: Callable[[], None]) -> Timer:
        self.timers.append(Timer(act))
        return self.timers[-1]

    def pass_time(self) -> None:
        timers, self.timers = self.timers, []
        for timer in timers:
            if not timer.is_cancelled:
                timer.act()


class FakeTransport:
    def __init__(self, port: int) -> None:
        self.port = port
        self.is_aborted = False

    def get_extra_info(self, name: str) -> Any:
        return {"peername": ("127.0.0.1", self.port), "sockname": ("127.0.0.1", 8765)}.get(name)

    def set_write_buffer_limits(self, high: int) -> None:
        pass

    def abort(self) -> None:
        self.is_aborted = True

    def close(self) -> None:
        pass


class Server:
    def __init__(self) -> None:
        self.loop = FakeLoop()
        self._config = uvicorn.Config(lambda *_: None, lifespan="off", ws="none", log_config=None)
        self._config.load()
        self._state = ServerState()
        self.connections: list[GuardedProtocol] = []

    def connect(self, port: int = 1) -> tuple[GuardedProtocol, FakeTransport]:
        connection = GuardedProtocol(self._config, self._state, {}, self.loop)
        transport = FakeTransport(port)
        connection.connection_made(transport)  # type: ignore[arg-type]
        self.connections.append(connection)
        return connection, transport


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    for connection in server.connections:
        connection.connection_lost(None)
    assert not GuardedProtocol.open


def test_who_says_nothing_is_cut_off(server: Server) -> None:
    _, transport = server.connect()
    server.loop.pass_time()
    assert transport.is_aborted


def test_a_stream_stays_until_nobody_reads_it(server: Server) -> None:
    connection, transport = server.connect()
    GuardedProtocol.let_stay(("127.0.0.1", 1))
    server.loop.pass_time()
    connection.pause_writing()
    connection.resume_writing()
    server.loop.pass_time()
    assert not transport.is_aborted
    connection.pause_writing()
    server.loop.pass_time()
    assert transport.is_aborted


def test_there_are_no_more_connections_than_a_rig_needs(server: Server) -> None:
    transports = [server.connect(port)[1] for port in range(MOST_CONNECTIONS + 1)]
    assert [transport.is_aborted for transport in transports].index(True) == MOST_CONNECTIONS


def test_at_the_end_all_are_cut_off(server: Server) -> None:
    transports = [server.connect(port)[1] for port in range(3)]
    GuardedProtocol.cut_off_all()
    assert all(transport.is_aborted for transport in transports)
