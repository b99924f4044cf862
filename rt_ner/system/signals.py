"""End a process cleanly when a signal asks for it."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Yield an event that is set by SIGINT, SIGTERM and SIGHUP (Ctrl-Break on Windows).

    The process can then end between two steps, never in the middle of one. The previous handlers
    are restored after the block.
    """
    stop = threading.Event()
    asked: SimpleQueue[bool] = SimpleQueue()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        asked.put(True)

    def set_stop() -> None:
        if asked.get():
            stop.set()

    # A handler interrupts the main thread anywhere, perhaps while it holds the event's own lock to
    # wait for it. If the handler set the event then, it would wait for that lock for ever.
    setter = threading.Thread(target=set_stop, daemon=True)
    setter.start()
    try:
        with _handling_signals(ask):
            yield stop
    finally:
        asked.put(False)
        setter.join()


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Let each of these signals interrupt the block as Ctrl-C does, by KeyboardInterrupt.

    So it can end a wait for a key, too, with all that surrounds it.
    """
    with _handling_signals(signal.default_int_handler):
        yield


@contextmanager
def _handling_signals(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Let a handler take the signals that ask for the end, within the block."""
    names = ("SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
