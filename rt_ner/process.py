"""Process: what a real-time process asks of its surroundings: a clean end, and no pauses."""

import gc
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SWITCH_INTERVAL_S = 1e-4


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """An event that SIGINT, SIGTERM and SIGHUP (Ctrl-Break on Windows) set; then the old handlers.

    So every process ends between two steps, and not in the middle of one.
    """
    stop = threading.Event()

    def set_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signals = [signal.SIGINT, signal.SIGTERM]
    signals += [getattr(signal, name) for name in ("SIGBREAK", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, set_stop) for number in signals}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def yield_to_the_loop() -> Iterator[None]:
    """Within the block, a thread that waits for Python's lock gets it within 0.1 ms, not 5.

    So threads that show and log things can't hold up the one that decodes.
    """
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before_s)


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """No collector pauses (a quarter of a second has been seen) within the block.

    Reference counting still frees all that is not part of a cycle.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
