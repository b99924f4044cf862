"""Take the samples of a stream exactly as they are sent."""

from collections.abc import Iterator
from contextlib import suppress
from xml.etree import ElementTree

import numpy as np
import pylsl

from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.lsl.network.host_clock import HostClock

_ANSWER_S, _REFRESH_S = 2.0, 0.05
# liblsl keeps so many seconds of samples for us; of an irregular stream, 100 samples count as one.
_BUFFER_S, _IRREGULAR_BUFFER_S = 120, 3600
_AT_ONCE = 2048


class Tap:
    """An inlet of one stream, which liblsl connects again if the stream comes back.

    Raises pylsl's TimeoutError or LostError if the stream does not answer, ParseError if its
    announcement can't be read.

    Attributes
    ----------
    header
        The stream's announcement.

    """

    def __init__(self, found: pylsl.StreamInfo) -> None:
        buffer_s = _BUFFER_S if found.nominal_srate() else _IRREGULAR_BUFFER_S
        self._inlet = pylsl.StreamInlet(found, max_buflen=buffer_s, recover=True)
        info = self._inlet.info(_ANSWER_S)
        self.header = ElementTree.fromstring(info.as_xml())  # noqa: S314 - expat ≥ 2.4
        self.host = info.hostname()
        is_text = info.channel_format() == pylsl.cf_string
        shape = (_AT_ONCE, info.channel_count())
        self._buffer = None if is_text else np.zeros(shape, dtype=self._inlet.np_dtype)
        self._inlet.open_stream(_ANSWER_S)
        self._clock = HostClock(self._inlet, self.host)
        self._offset_s = self._clock.offset_s(_ANSWER_S)

    def place(self) -> tuple[str, bool]:
        """Return the stream's computer: its name, and True if another one has our name.

        Waits until the latter is known.
        """
        self._clock.settle(_ANSWER_S)
        return self.host, self._clock.is_namesake(self.offset_s())

    def offset_s(self) -> float:
        """Return the offset from the stream's clock to this computer's, as it was last known.

        liblsl measures it all the time.
        """
        with suppress(pylsl.util.TimeoutError, pylsl.util.LostError):
            self._offset_s = self._clock.offset_s(_REFRESH_S)
        return self._offset_s

    def chunks(self) -> Iterator[tuple[FloatArray, AnyArray]]:
        """Yield all that has come: stamps in s of the stream's clock, and values or bytes of texts.

        The values must be used before the next chunk is taken.
        """
        while True:
            values, stamps_s = self._inlet.pull_chunk(0.0, _AT_ONCE, self._buffer, as_numpy=True)
            if not len(stamps_s):
                return
            yield np.asarray(stamps_s), values
            if len(stamps_s) < _AT_ONCE:
                return

    def close(self) -> None:
        """End the connection."""
        self._inlet.close_stream()
