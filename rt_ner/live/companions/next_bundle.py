"""Tell the operator when a new bundle is ready to swap to, and a rig if it can be taken."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from rt_ner.bundle.storage import SUMS_FILE
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.live.parts.bundle_swap import BundleSwap
from rt_ner.system.processes import tell_parent

_LOOK_S = 1.0


class NextBundle:
    """The folder of the next bundle; ``tell`` is called when another one is written there.

    ``read`` reads its model, from any thread; a bundle that was read already is not told.
    """

    def __init__(
        self,
        folder: Path,
        read: Callable[[], DecoderSpecification],
        tell: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._read = read
        self._tell = tell
        self._seen = self._sums()
        # What was swapped to last, and the fingerprint of its model.
        self._loaded = (b"", 0)

    def look(self) -> None:
        """Look, and tell if there is a new bundle."""
        sums = self._sums()
        # While a bundle is replaced, there is none for a moment.
        if sums and sums != self._seen:
            self._seen = sums
            self._tell(f"a new bundle is ready in {self._folder}: w swaps to it, u goes back")

    def load(self) -> DecoderSpecification:
        """Return the model of the bundle that is there now."""
        sums = self._sums()
        self._seen = sums or self._seen
        model = self._read()
        self._loaded = (sums, model.fingerprint)
        return model

    def is_offered(self, in_use: int | None) -> bool:
        """Return True if a swap would change the model in use, which has this fingerprint."""
        sums = self._sums()
        return bool(sums) and in_use is not None and (sums, in_use) != self._loaded

    def _sums(self) -> bytes:
        try:
            return (self._folder / SUMS_FILE).read_bytes()
        except OSError:
            return b""


@contextmanager
def watching(bundle: NextBundle | None, swap: BundleSwap) -> Iterator[None]:
    """Look for new bundles within the block, in a thread; None: do nothing.

    A rig is told when a swap is offered, or can be undone.
    """
    if bundle is None:
        yield
        return
    is_over = Event()

    def watch() -> None:
        told: dict[str, bool] = {}
        while not is_over.wait(_LOOK_S):
            bundle.look()
            now = {"is_offered": bundle.is_offered(swap.in_use), "can_undo": swap.can_undo}
            if now != told:
                told = now
                tell_parent("swaps", **now)

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
