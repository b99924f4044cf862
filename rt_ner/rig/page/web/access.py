"""Decide which requests are answered, and which orders are obeyed."""

import hmac
import json
import socket
from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from rt_ner.core.errors import RtNerError

TOKEN = "x-rig-token"  # noqa: S105 - the name of the header
LONGEST_ORDER = 200
_OWN = ("localhost", "127.0.0.1", "::1")


class RefusedError(RtNerError):
    """A request that is refused, with the HTTP status that says so."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Access:
    """The rules.

    Parameters
    ----------
    orders
        The orders that there are.
    port
        The port of the page.
    is_local
        True if only this computer can reach the page.

    Attributes
    ----------
    token
        The secret that orders need; empty: nobody may command.
    number
        The number that the next order must have, so that no order is obeyed twice.
    n_refused
        How many requests have been refused.

    """

    def __init__(self, orders: Collection[str], port: int, is_local: bool) -> None:
        self._orders = orders
        self._port = port
        self._is_local = is_local
        self.token = ""
        self.number = 1
        self.n_refused = 0

    def check_reader(self, headers: Headers) -> None:
        """Raise RefusedError if a request is not meant for this page, or comes from another one.

        The name under which a browser asks must be ours: else a page of anybody's could take our
        address for its own name, and read and command through the browser (DNS rebinding).
        """
        host, origin = _single(headers, "host"), _single(headers, "origin")
        if not self._is_own(host):
            raise RefusedError(421, "this is not the page that you asked for")
        if "origin" in headers and origin != f"http://{host}":
            raise RefusedError(403, "asked by another page")
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise RefusedError(403, "asked by another page")

    def check_order(self, headers: Headers, body: bytes) -> str:
        """Return the order in a request whose reader was checked; raise RefusedError if it may not.

        Its number is used up.
        """
        if "origin" not in headers:
            raise RefusedError(403, "an order must come from the page")
        if not self.token:
            raise RefusedError(403, "nobody may command: the rig does not listen any more")
        if not _is_same(_single(headers, TOKEN), self.token):
            raise RefusedError(401, "wrong token: it is shown where rt-ner rig up runs")
        if _single(headers, "content-type") != "application/json":
            raise RefusedError(415, "expected JSON")
        order, number = _read(body)
        if order not in self._orders:
            raise RefusedError(400, "no such order")
        if number != self.number:
            raise RefusedError(409, "the order is not new")
        self.number += 1
        return order

    def _is_own(self, host: str) -> bool:
        """Return True if this is a name of ours, with our port."""
        try:
            parts = urlsplit(f"//{host}")
            name, port = parts.hostname or "", parts.port or 80
        except ValueError:
            return False
        if parts.netloc != host or "@" in host or port != self._port:
            return False
        if self._is_local or name in _OWN:
            return name in _OWN
        # An address is nobody's name.
        return name == socket.gethostname().lower() or _is_address(name)


def _single(headers: Headers, name: str) -> str:
    """Return the value of a header that may be there only once; else empty."""
    values = headers.getlist(name)
    return values[0] if len(values) == 1 else ""


def _is_same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _read(body: bytes) -> tuple[str, int]:
    """Return order and number of a request's body."""
    if len(body) > LONGEST_ORDER:
        raise RefusedError(413, "too long")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    match content:
        case {"order": str(order), "number": int(number)} if len(content) == 2 and (
            not isinstance(number, bool)
        ):
            return order, number
    raise RefusedError(400, "expected an order and its number")
