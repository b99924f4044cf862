"""Open streams whose samples may leave at once, in the sender's own thread."""

import sys
import weakref
from collections.abc import Callable

import numpy as np
import pylsl

from rt_ner.lsl.sending.client_guard import ClientGuard
from rt_ner.lsl.sending.client_sockets import ClientSockets, can_see_clients, ports_of

_LITTLE, _LONGEST_S = 2**16, 5.0


def open_sender(
    info: pylsl.StreamInfo,
    at_once: bool,
    report: Callable[[str], object] | None = None,
    buffer_s: int = 360,
) -> pylsl.StreamOutlet:
    """Open a stream; at once, its samples leave before a push returns.

    liblsl usually hands a sample to a thread of its own, which has to wake up first. Sending in the
    sender's thread saves that. A guard keeps a slow client from holding up the sender. It needs to
    see the clients; where the operating system doesn't show them, liblsl's thread sends as usual.

    Only one thread may push at a time, and the samples may not be strings, says liblsl.

    Parameters
    ----------
    info
        The stream's announcement.
    at_once
        True to send in the thread that pushes, False to leave it to liblsl's.
    report
        Called with a sentence on each client that is cut off; None: stderr gets it.
    buffer_s
        Length of liblsl's buffer for each client, in s, if it does the sending; of a stream without
        a rate, 100 samples count as one second.

    Returns
    -------
    pylsl.StreamOutlet
        The open stream.

    """
    if not (at_once and can_see_clients()):
        return pylsl.StreamOutlet(info, chunk_size=1, max_buffered=buffer_s)
    outlet = pylsl.StreamOutlet(info, transport_flags=pylsl.transp_sync_blocking)
    sockets = ClientSockets(ports_of(outlet))
    guard = ClientGuard(
        sockets, info.name(), _most_unread(outlet, info.nominal_srate()), report or _print
    )
    guard.start()
    weakref.finalize(outlet, guard.close)
    return outlet


def _most_unread(outlet: pylsl.StreamOutlet, rate_hz: float) -> float:
    """Return the number of bytes that a client may leave unread: five seconds, or a little."""
    sample_bytes = outlet.channel_count * np.dtype(outlet.np_dtype).itemsize
    return float(max(_LITTLE, _LONGEST_S * rate_hz * sample_bytes))


def _print(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
