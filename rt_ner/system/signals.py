"""Process: what a real-time process asks of its surroundings: a clean end, and no pauses."""

import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import FrameType

from rt_ner.core.errors import RtNerError

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


def has_display() -> bool:
    """Whether a window could be opened here."""
    named = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return sys.platform in ("win32", "darwin") or any(os.environ.get(name) for name in named)


def opens_view(asked: bool | None) -> bool:
    """Whether to open a window: as asked, else where it is possible.

    Raises RtNerError if one is asked for and can't be opened.
    """
    if asked is None:
        return has_display() and not _missing_packages()
    if asked:
        check_display()
    return asked


def check_display(command: str = "rt-ner view") -> None:
    """Raise RtNerError where ``command`` would find no screen, with the remedy."""
    if missing := _missing_packages():
        raise RtNerError(
            f"{', '.join(missing)} not installed, which {command} needs: pip install 'rt-ner[view]'"
        )
    if not has_display():
        raise RtNerError(
            f"there is no display here (DISPLAY and WAYLAND_DISPLAY are not set): run {command} "
            "on a computer with a screen; it need not be the decoder's"
        )


def _missing_packages() -> list[str]:
    return [name for name in ("PySide6", "pyqtgraph") if not find_spec(name)]


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
