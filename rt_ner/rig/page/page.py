"""Serve a rig's page: watch the rig, answer browsers, and pass on their orders."""

import os
from collections.abc import Sequence
from ipaddress import ip_address
from threading import Event
from typing import Any

from rt_ner.core.errors import ConfigError
from rt_ner.live.states import Command
from rt_ner.lsl.sending.command_outlet import CommandOutlet
from rt_ner.rig.checks.page import listening_socket
from rt_ner.rig.page.watch.snapshot import Watch
from rt_ner.rig.page.web.access import Access
from rt_ner.rig.page.web.app import Links, page_app
from rt_ner.rig.page.web.guard import MOST_CONNECTIONS, GuardedProtocol
from rt_ner.rig.page.web.newest import Newest
from rt_ner.rig.page.web.server import serve
from rt_ner.rig.plan.orders import Order
from rt_ner.system.processes import listen_for_orders, write_event

_TOKEN_S = 10.0
# So that browsers never take time from those who decode and record.
_NICENESS = 5
_COMMANDS = (
    Command.HOLD,
    Command.RESUME,
    Command.SLOWER,
    Command.FASTER,
    Command.SWAP,
    Command.UNDO,
)
_ORDERS = (Order.START, Order.REST)


class Commanding:
    """Passes on orders: the decoder's as a stream, as the window does, the rig's as events.

    A hold so needs neither the disk nor the rig's next look.
    """

    def __init__(self, name: str, steps: Sequence[str]) -> None:
        self._outlet = CommandOutlet(name)
        self.orders: tuple[str, ...] = (*_COMMANDS, *_ORDERS, *steps)

    def obey(self, order: str) -> str:
        """Pass on an order; return why it could not be, or nothing."""
        if order not in _COMMANDS:
            try:
                write_event("order", order=order)
            except OSError as error:
                return f"the rig can't be told ({error.strerror}): use its terminal"
            return ""
        if not self._outlet.is_heard():
            return "no decoder runs that could obey"
        self._outlet.send(order)
        return ""


def serve_page(watch: Watch, commanding: Commanding, address: str, port: int) -> None:
    """Serve the page until a signal ends it.

    Parameters
    ----------
    watch
        All that is shown.
    commanding
        Passes on orders.
    address, port
        Where it listens.

    Raises
    ------
    ConfigError
        If it can't listen there.

    """
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    access = Access(commanding.orders, port, ip_address(address).is_loopback)
    _take_token(access)
    try:
        listening = listening_socket(address, port, MOST_CONNECTIONS)
    except OSError as error:
        raise ConfigError(
            f"the page can't be served at {address}, port {port} ({error}): set another port under "
            "[page]"
        ) from error
    newest = Newest()
    links = Links(commanding.obey, watch.log, GuardedProtocol.let_stay)
    with listening:
        serve(page_app(newest, access, links), listening, newest, access, watch.snapshot)


def _take_token(access: Access) -> None:
    """Wait for the rig's token; when the rig ends, nobody may command any more."""
    has_come = Event()

    def take(order: dict[str, Any]) -> None:
        access.token = str(order.get("token", ""))
        has_come.set()

    def forget() -> None:
        access.token = ""
        has_come.set()

    listen_for_orders(take, forget)
    has_come.wait(_TOKEN_S)
