"""Swap: another readout for a running decoder, checked beforehand, and the way back."""

from collections.abc import Callable
from threading import Thread

from rt_ner.errors import RtNerError
from rt_ner.readout import Readout


class ReadoutSwap:
    """Reads the readout that stands ready, from a thread, so that the loop never waits for a disk.

    ``load``: reads it anew each time, and raises RtNerError if it does not fit; None: there is
    none. ``notify`` is told what became of each order.
    """

    def __init__(self, load: Callable[[], Readout] | None, notify: Callable[[str], None]) -> None:
        self._load = load
        self._notify = notify
        self._thread: Thread | None = None
        self._ready: Readout | None = None
        self._before: Readout | None = None

    @property
    def is_ready(self) -> bool:
        """Whether one has been read, and waits to be taken."""
        return self._ready is not None

    def order(self) -> None:
        """Begin to read; one order at a time."""
        if self._load is None:
            self._notify("no readout to swap to: start the decoder with --next BUNDLE")
        elif self._thread is None or not self._thread.is_alive():
            self._thread = Thread(target=self._read, args=(self._load,), daemon=True)
            self._thread.start()

    def take(self, in_use: Readout) -> Readout:
        """The readout that was read, in place of the one in use, which is kept for `undo`."""
        assert self._ready
        taken, self._ready, self._before = self._ready, None, in_use
        self._notify("readout swapped")
        return taken

    def undo(self, in_use: Readout) -> Readout:
        """The readout before the newest swap; the one in use if there was none."""
        if self._before is None:
            self._notify("no swap to undo")
            return in_use
        taken, self._before = self._before, None
        self._notify("readout as it was before the swap")
        return taken

    def _read(self, load: Callable[[], Readout]) -> None:
        try:
            self._ready = load()
        except RtNerError as error:
            self._notify(f"readout not swapped: {error}")
