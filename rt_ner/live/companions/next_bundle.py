"""Tell the operator when a new bundle is ready to swap to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from rt_ner.bundle.storage import SUMS_FILE

_LOOK_S = 1.0


class NextBundle:
    """The folder of the next bundle; ``tell`` is called when another one is written there."""

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        self._folder = folder
        self._tell = tell
        self._seen = self._sums()

    def look(self) -> None:
        """Look, and tell if there is a new bundle."""
        sums = self._sums()
        # While a bundle is replaced, there is none for a moment.
        if sums and sums != self._seen:
            self._seen = sums
            self._tell(f"a new bundle is ready in {self._folder}: w swaps to it, u goes back")

    def _sums(self) -> bytes:
        try:
            return (self._folder / SUMS_FILE).read_bytes()
        except OSError:
            return b""


@contextmanager
def watching_next(folder: Path | None, tell: Callable[[str], None]) -> Iterator[None]:
    """Watch the folder of the next bundle within the block, in a thread; None: do nothing."""
    if folder is None:
        yield
        return
    bundle, is_over = NextBundle(folder, tell), Event()

    def watch() -> None:
        while not is_over.wait(_LOOK_S):
            bundle.look()

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
