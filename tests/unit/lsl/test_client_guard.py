"""A client that does not read is cut off before the sender has to wait, and nobody else is."""

import socket
import sys
from collections.abc import Iterator
from threading import Thread

import pytest

from rt_ner.lsl.sending.client_guard import ClientGuard
from rt_ner.lsl.sending.client_sockets import ClientSockets, can_see_clients
from tests.helpers.waiting import LONGEST_S

pytestmark = pytest.mark.skipif(not can_see_clients(), reason="needs Linux")


class Server:
    """A port, its connections and a guard over them."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listener]
        self.sockets = ClientSockets({self._listener.getsockname()[1]})
        self.reports: list[str] = []
        self.guard = ClientGuard(self.sockets, "rig-velocity", 2**22, self.reports.append)

    def connected(self) -> tuple[socket.socket, socket.socket]:
        """Our end and the client's of a new connection."""
        client = socket.create_connection(self._listener.getsockname())
        ours, _ = self._listener.accept()
        self._open += [client, ours]
        return ours, client

    def close(self) -> None:
        for each in self._open:
            each.close()


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    yield one
    one.close()


def fill(ours: socket.socket, part: float, sockets: ClientSockets) -> None:
    """Send until the buffer of the only client is this full."""
    (client,) = sockets.look()
    ours.setblocking(False)
    while sockets.fill(client) < part:
        ours.send(b"velocity" * 100)
    ours.setblocking(True)


def test_connections_come_and_go(server: Server) -> None:
    assert not server.sockets.look()  # The socket that listens is none.
    first, _ = server.connected()
    second, _ = server.connected()
    assert len(server.sockets.look()) == 2
    first.close()
    (left,) = server.sockets.look()
    # The file number is used again, for something else.
    with socket.create_server(("127.0.0.1", 0)):
        assert server.sockets.look() == {left}
    second.close()
    assert not server.sockets.look()


def test_a_client_that_reads_has_an_empty_buffer(server: Server) -> None:
    ours, theirs = server.connected()
    (client,) = server.sockets.look()
    ours.sendall(b"velocity")
    assert theirs.recv(8) == b"velocity"
    assert server.sockets.fill(client) < 0.01


def test_only_the_client_that_does_not_read_is_cut_off_and_once(server: Server) -> None:
    frozen, its_end = server.connected()
    fill(frozen, 0.4, server.sockets)
    server.guard.look()
    assert not server.reports
    fill(frozen, 0.6, server.sockets)
    good, good_end = server.connected()
    server.guard.look()
    server.guard.look()
    (report,) = server.reports
    assert "'rig-velocity' on 127.0.0.1 did not read" in report
    with pytest.raises(BrokenPipeError):
        frozen.send(b"velocity")
    good.sendall(b"velocity")
    assert good_end.recv(8) == b"velocity"
    # When it wakes up, it finds all that was sent, and then the end.
    received = 0
    while part := its_end.recv(2**20):
        received += len(part)
    assert received


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_client_on_this_computer_is_cut_off_by_what_it_has_not_read(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, 0), family=family)
    except OSError as error:
        pytest.skip(f"no {host} on this computer: {error}")
    sockets = ClientSockets({listener.getsockname()[1]})
    reports: list[str] = []
    with (
        listener,
        socket.create_connection(listener.getsockname()[:2]) as theirs,
        listener.accept()[0] as ours,
    ):
        ours.sendall(b"velocity" * 1000)
        (client,) = sockets.look()
        assert sockets.unread() == {client: 8000}
        ClientGuard(sockets, "v", 8000, reports.append).look()
        assert not reports
        assert theirs.recv(1000) == b"velocity" * 125
        assert sockets.unread() == {client: 7000}
        ClientGuard(sockets, "v", 6999, reports.append).look()
        assert len(reports) == 1


def test_a_sender_that_waits_already_goes_on_at_once(server: Server) -> None:
    frozen, _ = server.connected()
    fill(frozen, 0.3, server.sockets)
    errors: list[OSError] = []

    def send() -> None:
        try:
            while True:
                frozen.sendall(b"velocity" * 10_000)
        except OSError as error:
            errors.append(error)

    sender = Thread(target=send)
    sender.start()
    while not server.reports:
        server.guard.look()
    sender.join(LONGEST_S)
    assert errors


def test_a_client_that_has_gone_meanwhile_is_nobodys_fault(server: Server) -> None:
    ours, _ = server.connected()
    (client,) = server.sockets.look()
    ours.close()
    assert server.sockets.fill(client) == 0.0
    assert not server.sockets.cut_off(client)
    # Another connection takes the file's number: it must be left alone.
    other, other_end = server.connected()
    assert not server.sockets.cut_off(client)
    other.sendall(b"velocity")
    assert other_end.recv(8) == b"velocity"


def test_elsewhere_than_on_linux_clients_can_not_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert not can_see_clients()
