"""Find the connections of a stream's clients in this process, and how full their buffers are.

liblsl tells neither. Linux does: a process can look through its own open files, and the kernel says
how much it holds for each connection.
"""

import os
import socket
import stat
import struct
import sys
from collections.abc import Iterator, Set
from contextlib import contextmanager, suppress

import pylsl

_OPEN_FILES = "/proc/self/fd"
_CONNECTIONS = ("/proc/net/tcp", "/proc/net/tcp6")
# The socket option SO_MEMINFO and its fields, from linux/sock_diag.h: Python has no names for them.
_SO_MEMINFO, _MEMORY = 55, struct.Struct("9I")
_CAPACITY, _QUEUED = 3, 5


def can_see_clients() -> bool:
    """Return True if the operating system shows a stream's connections: on Linux."""
    if sys.platform != "linux" or not os.path.isdir(_OPEN_FILES):  # noqa: PTH112 - as below
        return False
    with suppress(OSError), socket.socket() as connection:
        return _fill_of(connection) == 0.0
    return False


def ports_of(outlet: pylsl.StreamOutlet) -> frozenset[int]:
    """Return the TCP ports at which clients connect to a stream."""
    # pylsl has no function for them, but they are in the header.
    header = outlet.get_info().as_xml()
    found = [
        header.partition(f"<{name}>")[2].partition("<")[0]
        for name in ("v4data_port", "v6data_port")
    ]
    return frozenset(int(port) for port in found if port.isdecimal()) - {0}


class ClientSockets:
    """The connections of clients to some of this process's TCP ports.

    A connection is known by its inode number: the system uses file numbers again, and inode numbers
    not before they have gone once round.
    """

    def __init__(self, ports: Set[int]) -> None:
        self._ports = ports
        self._files: dict[int, int] = {}
        self._others: set[int] = set()

    def look(self) -> frozenset[int]:
        """Return all connections that are open now."""
        files: dict[int, int] = {}
        others: set[int] = set()
        for file in map(int, os.listdir(_OPEN_FILES)):  # noqa: PTH208 - a path per file is slow
            inode = _inode_of_socket(file)
            if inode is None:
                continue
            if inode in self._files or (inode not in self._others and self._is_client(file)):
                files[inode] = file
            else:
                others.add(inode)
        self._files, self._others = files, others
        return frozenset(files)

    def fill(self, client: int) -> float:
        """Return how full the buffer of a connection is; at 1, a sender has to wait."""
        with self._borrowed(client) as connection:
            return 0.0 if connection is None else _fill_of(connection)

    def unread(self) -> dict[int, int]:
        """Return the bytes that clients on this computer have received and not read, by client."""
        waiting = _received_and_not_read()
        found: dict[int, int] = {}
        for client in self._files:
            with self._borrowed(client) as connection, suppress(OSError):
                if connection is not None:
                    family = connection.family
                    ends = connection.getpeername(), connection.getsockname()
                    theirs, ours = (_as_listed(family, *end[:2]) for end in ends)
                    found[client] = waiting.get((theirs, ours), 0)
        return found

    def cut_off(self, client: int) -> str:
        """End a connection, and return the client's address; empty if it has ended already.

        A sender that waits for this client goes on at once.
        """
        with self._borrowed(client) as connection, suppress(OSError):
            if connection is not None:
                host = str(connection.getpeername()[0])
                connection.shutdown(socket.SHUT_RDWR)
                return host
        return ""

    @contextmanager
    def _borrowed(self, client: int) -> Iterator[socket.socket | None]:
        """Give access to a connection; None if it has ended."""
        with _duplicate_of(self._files[client]) as connection:
            # liblsl may have closed it meanwhile, and the file may be another one by now.
            is_same = connection and _inode_of_socket(connection.fileno()) == client
            yield connection if is_same else None

    def _is_client(self, file: int) -> bool:
        with _duplicate_of(file) as connection, suppress(OSError):
            if connection is None or connection.family not in (socket.AF_INET, socket.AF_INET6):
                return False
            # The socket that listens at the port is no connection, and has no peer.
            return connection.getsockname()[1] in self._ports and bool(connection.getpeername())
        return False


def _fill_of(connection: socket.socket) -> float:
    sizes = _MEMORY.unpack(connection.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMORY.size))
    return float(sizes[_QUEUED] / sizes[_CAPACITY])


def _inode_of_socket(file: int) -> int | None:
    """Return the inode number of an open socket; None if the file is closed or no socket."""
    try:
        status = os.fstat(file)
    except OSError:
        return None
    return status.st_ino if stat.S_ISSOCK(status.st_mode) else None


def _received_and_not_read() -> dict[tuple[str, str], int]:
    """Return the bytes that wait at each end of this computer's connections, by both addresses."""
    waiting: dict[tuple[str, str], int] = {}
    for table in _CONNECTIONS:
        with suppress(OSError), open(table, encoding="ascii") as lines:  # noqa: PTH123 - as above
            next(lines)
            for line in lines:
                _, own, other, _, queues, *_ = line.split()
                waiting[own, other] = int(queues.partition(":")[2], 16)
    return waiting


def _as_listed(family: int, host: str, port: int) -> str:
    """Return an address in the way of Linux's lists: 32-bit numbers in the processor's order."""
    packed = socket.inet_pton(family, host.partition("%")[0])
    words = [packed[begin : begin + 4] for begin in range(0, len(packed), 4)]
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words) + f":{port:04X}"


@contextmanager
def _duplicate_of(file: int) -> Iterator[socket.socket | None]:
    """Open a socket's file a second time, so that nobody can put another in its place."""
    try:
        duplicate = socket.socket(fileno=os.dup(file))
    except OSError:
        yield None
        return
    with duplicate:
        yield duplicate
