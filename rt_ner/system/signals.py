"""End a process cleanly when a signal asks for it."""

import signal
import threading
from collections.abc import Iterator
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
    signals = [signal.SIGINT, signal.SIGTERM]
    signals += [getattr(signal, name) for name in ("SIGBREAK", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, ask) for number in signals}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        asked.put(False)
        setter.join()
