"""Obey single keys of the operator's terminal, in a thread of its own.

On Linux the keys are read here rather than by a library. An escape sequence is recognised by
arriving all at once; otherwise a hold that is typed after a lone Escape would be lost.
"""

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TypeVar

from rt_ner.live.states import Command

KEYS = {
    "h": Command.HOLD,
    "r": Command.RESUME,
    "x": Command.RESET,
    "+": Command.FASTER,
    "-": Command.SLOWER,
    "w": Command.SWAP,
    "u": Command.UNDO,
    "q": Command.STOP,
}
_POLL_S = 0.1
# An arrow, a function key, or a key with Alt: letters follow that nobody typed.
_ESCAPED = re.compile("\x1b(\\[[0-?]*[ -/]*[@-~]|O?.)?", re.DOTALL)

Meaning = TypeVar("Meaning")


@contextmanager
def listen_to_keyboard(
    tell: Callable[[Meaning], object], keys: Mapping[str, Meaning]
) -> Iterator[bool]:
    """Obey single keys within the block; yield True if there is a terminal to read them from.

    ``tell`` is called with the meaning of each of ``keys`` that is pressed.
    """
    if sys.stdin is None or not sys.stdin.isatty() or _in_background(sys.stdin.fileno()):
        yield False
        return
    closed = threading.Event()
    with _single_keys() as read_keys:

        def obey(key: str) -> None:
            if key in keys:
                tell(keys[key])

        thread = threading.Thread(target=_listen, args=(read_keys, obey, closed), daemon=True)
        thread.start()
        try:
            yield True
        finally:
            closed.set()
            thread.join()


def _listen(
    read_keys: Callable[[], str], obey: Callable[[str], None], closed: threading.Event
) -> None:
    """Pass on the keys until ``closed`` is set or the terminal is gone."""
    with suppress(OSError, EOFError):
        while not closed.is_set():
            for key in read_keys().lower():
                obey(key)


if sys.platform == "win32":
    import msvcrt

    @contextmanager
    def _single_keys() -> Iterator[Callable[[], str]]:
        """Yield a function that waits briefly for keys and returns those pressed, if any."""
        pause = threading.Event()

        def read_keys() -> str:
            if not msvcrt.kbhit():
                pause.wait(_POLL_S)
                return ""
            key = msvcrt.getwch()
            if key in "\x00\xe0" and msvcrt.kbhit():
                # An arrow or function key is two characters, the second of them a letter.
                msvcrt.getwch()
                return ""
            return key

        yield read_keys

    def _in_background(_terminal: int) -> bool:
        return False

else:
    import select
    import termios
    import tty

    @contextmanager
    def _single_keys() -> Iterator[Callable[[], str]]:
        """Yield a function that waits briefly for keys and returns those pressed, if any.

        Within the block, keys arrive at once and are not echoed. Ctrl-C still interrupts.
        """
        terminal = sys.stdin.fileno()
        before = termios.tcgetattr(terminal)

        def read_keys() -> str:
            readable, _, _ = select.select([terminal], [], [], _POLL_S)
            if not readable:
                return ""
            typed = os.read(terminal, 64)
            if not typed:
                raise EOFError
            return _ESCAPED.sub("", typed.decode(errors="ignore"))

        try:
            tty.setcbreak(terminal)
            yield read_keys
        finally:
            with suppress(termios.error):
                termios.tcsetattr(terminal, termios.TCSADRAIN, before)

    def _in_background(terminal: int) -> bool:
        """Return True if another process has the terminal: reading it would stop this one."""
        try:
            return os.tcgetpgrp(terminal) != os.getpgrp()
        except OSError:
            return False
