"""Open streams whose samples leave at once, in the sender's own thread."""

import sys
import weakref
from collections.abc import Callable

import pylsl

from rt_ner.lsl.sending.client_guard import ClientGuard
from rt_ner.lsl.sending.client_sockets import ClientSockets, can_see_clients, ports_of


def open_at_once(
    info: pylsl.StreamInfo, report: Callable[[str], object] | None = None
) -> pylsl.StreamOutlet:
    """Open a stream whose samples leave before a push returns, where nobody has to wait for it.

    liblsl usually hands a sample to a thread of its own, which has to wake up first. Sending in the
    sender's thread saves that. A guard keeps a slow client from holding up the sender. It needs to
    see the clients; where the operating system doesn't show them, liblsl's thread sends as usual.

    Only one thread may push at a time, and the samples may not be strings, says liblsl.

    Parameters
    ----------
    info
        The stream's announcement.
    report
        Called with a sentence on each client that is cut off; None: stderr gets it.

    Returns
    -------
    pylsl.StreamOutlet
        The open stream.

    """
    if not can_see_clients():
        return pylsl.StreamOutlet(info, chunk_size=1)
    outlet = pylsl.StreamOutlet(info, transport_flags=pylsl.transp_sync_blocking)
    guard = ClientGuard(ClientSockets(ports_of(outlet)), info.name(), report or _print)
    guard.start()
    weakref.finalize(outlet, guard.close)
    return outlet


def _print(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
