"""Swap a running decoder's model for another, checked beforehand, and back again."""

from collections import deque
from collections.abc import Callable

from rt_ner.core.errors import RtNerError
from rt_ner.decoding.decoder import Decoder, DecodingModel
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.live.ports.protocols import Ports

_MOST_UNDONE = 100


class BundleSwap:
    """The swap to the next model, prepared in the background so that the loop never waits.

    ``load`` reads the model again each time, and raises RtNerError if it does not fit; it is None
    if there is none to swap to. ``notify`` gives the operator the outcome of each order.
    Any thread may read ``in_use`` and ``can_undo``.

    Attributes
    ----------
    decoder
        The decoder; None before there is one, and then nothing may be ordered.

    """

    def __init__(
        self,
        load: Callable[[], DecoderSpecification] | None,
        ports: Ports,
        notify: Callable[[str], None],
    ) -> None:
        self._load = load
        self._ports = ports
        self._notify = notify
        self._is_preparing = False
        self._ready: DecodingModel | None = None
        self._before: deque[DecodingModel] = deque(maxlen=_MOST_UNDONE)
        self.decoder: Decoder | None = None

    @property
    def is_ready(self) -> bool:
        """True if a prepared model waits to be taken."""
        return self._ready is not None

    @property
    def in_use(self) -> int | None:
        """Fingerprint of the model in use; None before there is a decoder."""
        return self.decoder.model.fingerprint if self.decoder else None

    @property
    def can_undo(self) -> bool:
        """True if there is a swap to undo."""
        return bool(self._before)

    def order(self) -> None:
        """Begin to prepare the next model, unless that is going on already."""
        load, decoder = self._load, self.decoder
        assert decoder
        if load is None:
            self._notify("nothing to swap to: start the decoder with --next BUNDLE")
        elif not self._is_preparing:
            self._is_preparing = True
            self._ports.in_background(lambda: self._prepare(load, decoder))

    def take(self) -> None:
        """Decode with the prepared model; keep the one in use for `undo`."""
        assert self._ready
        assert self.decoder
        self._before.append(self.decoder.model)
        self.decoder.use(self._ready)
        self._ready = None
        self._notify("decoder swapped")

    def undo(self) -> None:
        """Decode with the model from before the newest swap that is not undone yet."""
        if not self._before:
            self._notify("no swap to undo")
            return
        assert self.decoder
        self.decoder.use(self._before.pop())
        self._notify("swap undone")

    def _prepare(self, load: Callable[[], DecoderSpecification], decoder: Decoder) -> None:
        try:
            self._ready = decoder.prepared(load())
        except RtNerError as error:
            self._ports.alarms.append(f"decoder not swapped: {error}")
        finally:
            self._is_preparing = False
