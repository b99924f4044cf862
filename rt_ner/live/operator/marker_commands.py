"""Obey the commands of the one LSL marker stream that the settings name."""

import threading
from collections.abc import Callable

import pylsl

from rt_ner.live.settings import ControlSettings
from rt_ner.live.states import Command
from rt_ner.lsl.discovery import StreamQuery

_MARKERS = "Markers"
_POLL_S = 0.1
_CONNECT_S = 5.0


def listen_to_markers(
    control: ControlSettings, tell: Callable[[Command], None], stop: threading.Event
) -> None:
    """Obey the named marker stream, and no other, in a thread, until ``stop`` is set.

    LSL has no passwords: anybody on the network could send commands. So only the stream with this
    source_id (and host, if given) is obeyed, and if there are two such streams, neither is.
    """
    query = StreamQuery((_MARKERS,), source_id=control.source_id, host=control.host)

    def listen() -> None:
        while not stop.is_set():
            inlet = _connected(query, stop)
            while inlet and not stop.is_set():
                try:
                    sample, _ = inlet.pull_sample(_POLL_S)
                except pylsl.util.LostError:
                    break
                except UnicodeDecodeError:
                    continue
                text = str(sample[0]).strip().lower() if sample else ""
                if text in list(Command):
                    tell(Command(text))

    threading.Thread(target=listen, daemon=True).start()


def _connected(query: StreamQuery, stop: threading.Event) -> pylsl.StreamInlet | None:
    """Return the marker stream, once exactly one matches and answers; None on ``stop``."""
    while not stop.is_set():
        found, _ = query.resolve()
        if len(found) == 1:
            inlet = pylsl.StreamInlet(found[0], recover=False)
            try:
                inlet.open_stream(_CONNECT_S)
            except (pylsl.util.TimeoutError, pylsl.util.LostError):
                continue
            return inlet
    return None
