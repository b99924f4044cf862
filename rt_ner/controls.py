"""Controls: the operator's commands, from the keyboard and from an LSL marker stream.

Both wait in threads of their own and hand over what they hear; the loop looks when it can.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pylsl

from rt_ner.config import ControlSettings
from rt_ner.states import Command
from rt_ner.streams import StreamWish

KEYS = {"h": Command.HOLD, "r": Command.RESUME, "x": Command.RESET, "q": Command.STOP}
_MARKERS = "Markers"
_POLL_S = 0.1
_CONNECT_S = 5.0

Tell = Callable[[Command], None]


def listen_to_markers(control: ControlSettings, tell: Tell, stop: threading.Event) -> None:
    """Obey the marker stream that is named, and no other, until ``stop``; in a thread.

    LSL knows no passwords: whoever is on the network could send commands. So nobody's are obeyed
    but those of the stream with this source_id (and host, if given), and of two such streams
    neither's.
    """
    wish = StreamWish((_MARKERS,), source_id=control.source_id, host=control.host)

    def listen() -> None:
        while not stop.is_set():
            inlet = _connected(wish, stop)
            while inlet and not stop.is_set():
                try:
                    sample, _ = inlet.pull_sample(_POLL_S)
                except pylsl.util.LostError:
                    break
                text = sample[0].strip().lower() if sample else ""
                if text in list(Command):
                    tell(Command(text))

    threading.Thread(target=listen, daemon=True).start()


def _connected(wish: StreamWish, stop: threading.Event) -> pylsl.StreamInlet | None:
    """The marker stream, once it is there and unambiguous; None on ``stop`` or if it fails."""
    while not stop.is_set():
        found, _ = wish.resolve()
        if len(found) == 1:
            inlet = pylsl.StreamInlet(found[0], recover=False)
            try:
                inlet.open_stream(_CONNECT_S)
            except (pylsl.util.TimeoutError, pylsl.util.LostError):
                continue
            return inlet
    return None


@contextmanager
def listen_to_keyboard(tell: Tell) -> Iterator[bool]:
    """Obey single keys within the block, if there is a terminal; says whether there is."""
    if not sys.stdin.isatty():
        yield False
        return
    closed = threading.Event()
    with _single_keys() as read_key:
        thread = threading.Thread(target=_listen, args=(read_key, tell, closed), daemon=True)
        thread.start()
        try:
            yield True
        finally:
            closed.set()
            thread.join()


def _listen(read_key: Callable[[], str], tell: Tell, closed: threading.Event) -> None:
    while not closed.is_set():
        command = KEYS.get(read_key().lower())
        if command:
            tell(command)


if sys.platform == "win32":
    import msvcrt

    @contextmanager
    def _single_keys() -> Iterator[Callable[[], str]]:
        """A function that waits a moment for a key; empty if none was pressed."""
        pause = threading.Event()

        def read_key() -> str:
            if msvcrt.kbhit():
                return msvcrt.getwch()
            pause.wait(_POLL_S)
            return ""

        yield read_key

else:
    import select
    import termios
    import tty

    @contextmanager
    def _single_keys() -> Iterator[Callable[[], str]]:
        """A function that waits a moment for a key; empty if none was pressed.

        Keys come one by one and unseen meanwhile; Ctrl-C still interrupts.
        """
        terminal = sys.stdin.fileno()
        before = termios.tcgetattr(terminal)

        def read_key() -> str:
            readable, _, _ = select.select([terminal], [], [], _POLL_S)
            return os.read(terminal, 1).decode(errors="ignore") if readable else ""

        try:
            tty.setcbreak(terminal)
            yield read_key
        finally:
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)
