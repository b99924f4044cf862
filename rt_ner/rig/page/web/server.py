"""Run the server of the page until a signal ends it."""

import asyncio
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from rt_ner.rig.page.web.access import Access
from rt_ner.rig.page.web.guard import WAITING_BYTES, GuardedProtocol
from rt_ner.rig.page.web.newest import Newest

_EVERY_S = 0.2
_LONGEST_HEAD = 16_384


def serve(
    app: ASGIApp,
    listening: socket.socket,
    newest: Newest,
    access: Access,
    look: Callable[[int, int], str],
) -> None:
    """Answer browsers, and look for a new snapshot five times a second.

    Parameters
    ----------
    app
        The application.
    listening
        The socket.
    newest
        Takes each new snapshot.
    access
        The rules, with the number of the next order.
    look
        Returns a new snapshot; called in a thread, so that no browser waits for it.

    """
    # What waits in the system for a slow reader is old when it arrives.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, WAITING_BYTES)
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http=GuardedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=_LONGEST_HEAD,
    )
    server = uvicorn.Server(config)

    async def keep_looking() -> None:
        while not server.should_exit:
            newest.put(await asyncio.to_thread(look, access.number, access.n_refused))
            await asyncio.sleep(_EVERY_S)
        GuardedProtocol.cut_off_all()

    async def run() -> None:
        looking = asyncio.create_task(keep_looking())
        looking.add_done_callback(lambda _: setattr(server, "should_exit", True))
        await server.serve(sockets=[listening])
        await looking

    asyncio.run(run())
