"""Read clicks from LSL: those of a decoder's class, or of a hand's button."""

from rt_ner.core.arrays import FloatArray
from rt_ner.core.clock import ns_array_from_s
from rt_ner.core.contract.kinds import CLICK_LABEL
from rt_ner.lsl.discovery import StreamQuery
from rt_ner.lsl.stream_reader import StreamReader
from rt_ner.task.clicks.debouncer import ClickDebouncer
from rt_ner.task.settings import ClickSettings


class ClickReader:
    """Debounces one channel of a stream: a class of a decoder, or the button of a hand.

    Parameters
    ----------
    settings
        The debouncing, and the name of the class.
    stream
        The decoder's classes; None: the button is in the stream of the hand's velocity.

    """

    def __init__(self, settings: ClickSettings, stream: StreamQuery | None) -> None:
        self._label = settings.label if stream else CLICK_LABEL
        self._debouncer = ClickDebouncer(settings)
        self._own = None if stream is None else StreamReader(lambda: stream)

    @property
    def readers(self) -> list[StreamReader]:
        """The stream to look out for besides that of the velocity, if any."""
        return [self._own] if self._own else []

    def is_clicked(self, velocity: StreamReader, stamps_s: FloatArray, values: FloatArray) -> bool:
        """Return True if there was a click in what came, of which the velocity was read already."""
        reader = self._own or velocity
        if self._own:
            stamps_s, values = self._own.numbers()
        if self._label not in reader.labels or not len(stamps_s):
            return False
        probability = values[:, reader.labels.index(self._label)]
        return bool(self._debouncer.take(ns_array_from_s(stamps_s), probability).any())

    def problem(self, velocity: StreamReader) -> str:
        """Return why no click can come, with the remedy; empty if one can."""
        reader = self._own or velocity
        if not reader.is_connected:
            return (
                f"waiting for clicks: {reader.problem or 'no classes'}; decode a bundle that was "
                'trained with --classes click, or set selection = "dwell"'
            )
        if self._label in reader.labels:
            return ""
        there = ", ".join(map(repr, reader.labels))
        remedy = "name one of them as label under [click]" if self._own else "add such a channel"
        return f"waiting for clicks: no {self._label!r} among {there}; {remedy}"
