"""BundleSwap: another model for a running decoder, checked beforehand, and the way back."""

from collections import deque
from collections.abc import Callable
from threading import Thread

from rt_ner.core.errors import RtNerError
from rt_ner.decoding.decoder import Decoder, DecoderSpecification, DecodingModel

_MOST_UNDONE = 100


class BundleSwap:
    """Prepares the model that stands ready, in a thread, so that the loop never waits for it.

    ``load``: reads the model anew each time, and raises RtNerError if it does not fit; None: there
    is none. ``notify`` is told what became of each order.
    """

    def __init__(
        self, load: Callable[[], DecoderSpecification] | None, notify: Callable[[str], None]
    ) -> None:
        self._load = load
        self._notify = notify
        self._thread: Thread | None = None
        self._ready: DecodingModel | None = None
        self._before: deque[DecodingModel] = deque(maxlen=_MOST_UNDONE)

    @property
    def is_ready(self) -> bool:
        """Whether one has been prepared, and waits to be taken."""
        return self._ready is not None

    def order(self, decoder: Decoder) -> None:
        """Begin to prepare; one order at a time."""
        if self._load is None:
            self._notify("nothing to swap to: start the decoder with --next BUNDLE")
        elif self._thread is None or not self._thread.is_alive():
            self._thread = Thread(target=self._prepare, args=(self._load, decoder), daemon=True)
            self._thread.start()

    def take(self, decoder: Decoder) -> None:
        """Decode with the model that was prepared; the one in use is kept for `undo`."""
        assert self._ready
        self._before.append(decoder.decoding_model)
        decoder.use(self._ready)
        self._ready = None
        self._notify("decoder swapped")

    def undo(self, decoder: Decoder) -> None:
        """Decode as before the newest swap that is not undone yet."""
        if not self._before:
            self._notify("no swap to undo")
            return
        decoder.use(self._before.pop())
        self._notify("decoder as it was before the swap")

    def _prepare(self, load: Callable[[], DecoderSpecification], decoder: Decoder) -> None:
        try:
            self._ready = decoder.prepared(load())
        except RtNerError as error:
            self._notify(f"decoder not swapped: {error}")
