"""StreamReader: LSL streams that are received without ever waiting, and found again when they went."""

import socket
from collections.abc import Callable, Sequence
from threading import Event, Thread

import numpy as np
import pylsl

from rt_ner.core.arrays import FloatArray
from rt_ner.core.contract.kinds import CM_PER_UNIT
from rt_ner.lsl.discovery import StreamQuery

_ANSWER_S = 2.0
_LOOK_EVERY_S = 0.25
# A stream that has ended is taken for one that is there for so long.
_FORGET_S = 1.0
# How much liblsl keeps for a client that does not look; of an irregular stream, 100 samples count
# as a second.
_BUFFER_S = 60
_AT_ONCE = 2048
_MANY_CHUNKS = 64


class StreamReader:
    """One stream. Everything but `look` belongs to the thread that draws.

    ``query``: which stream, or None while that is not known.
    """

    def __init__(self, query: Callable[[], StreamQuery | None]) -> None:
        self._query = query
        self._inlet: pylsl.StreamInlet | None = None
        self._found: tuple[pylsl.StreamInlet, pylsl.StreamInfo] | None = None
        self._buffer = np.zeros((0, 0))
        self._same_host = True
        self._arrived_s = -np.inf
        self.info: pylsl.StreamInfo | None = None
        self.problem = ""

    @property
    def is_connected(self) -> bool:
        """Whether the stream is there."""
        return self._inlet is not None

    @property
    def cm_per_unit(self) -> float:
        """What values of its first channel's unit are to be multiplied by to be in cm, or cm/s."""
        units = (self.info.get_channel_units() if self.info else None) or [""]
        return CM_PER_UNIT.get(str(units[0]), 1.0)

    def age_s(self) -> float:
        """How long ago the newest sample came; infinite if none did."""
        return float(pylsl.local_clock() - self._arrived_s)

    def look(self, seen: Sequence[pylsl.StreamInfo]) -> None:
        """Connect if the stream is among those seen, and is not connected already."""
        query = self._query()
        if query is None or self._found:
            return
        found = [info for info in seen if query.matches(info)]
        if self.info is not None and (not found or self.info.uid() in [i.uid() for i in found]):
            return
        name = query.source_id or str(query)
        if len(found) != 1:
            self.problem = f"{len(found)} streams '{name}'" if found else f"no stream '{name}'"
            return
        self.problem = ""
        inlet = pylsl.StreamInlet(found[0], max_buflen=_BUFFER_S, recover=False)
        try:
            info = inlet.info(_ANSWER_S)
            inlet.open_stream(_ANSWER_S)
            if info.hostname() != socket.gethostname():
                inlet.time_correction(_ANSWER_S)
        except (pylsl.util.TimeoutError, pylsl.util.LostError) as error:
            self.problem = f"stream '{name}' does not answer ({error})"
            return
        self._found = inlet, info

    def numbers(self) -> tuple[FloatArray, FloatArray]:
        """Stamps ``(sample,)`` on the local clock, in s, and values of what has come since."""
        stamps: list[FloatArray] = []
        values: list[FloatArray] = []
        for _ in range(_MANY_CHUNKS):
            pulled = self._pull(self._buffer)
            if pulled is None:
                break
            values.append(np.array(pulled[0], dtype=np.float64))
            stamps.append(np.array(pulled[1]))
            if len(pulled[1]) < _AT_ONCE:
                break
        if not stamps:
            return np.zeros(0), np.zeros((0, self._buffer.shape[1]))
        return np.concatenate(stamps) + self._correction_s(), np.concatenate(values)

    def texts(self) -> list[tuple[float, str]]:
        """Stamps on the local clock, in s, and texts of what has come since."""
        pulled = self._pull(None)
        if pulled is None:
            return []
        correction_s = self._correction_s()
        return [
            (stamp_s + correction_s, str(text)) for (text,), stamp_s in zip(*pulled, strict=True)
        ]

    def _pull(self, buffer: FloatArray | None) -> tuple[Sequence[Sequence[str]], FloatArray] | None:
        """What has come, at most as much as fits at once; None if nothing has."""
        self._take_connection()
        if self._inlet is None:
            return None
        try:
            if buffer is None:
                samples, stamps_s = self._inlet.pull_chunk(0.0, _AT_ONCE)
            else:
                samples, stamps_s = self._inlet.pull_chunk(
                    0.0, _AT_ONCE, self._buffer, min_samples=1, as_numpy=True
                )
        except pylsl.util.LostError:
            self._inlet = self.info = None
            return None
        if not len(stamps_s):
            return None
        self._arrived_s = pylsl.local_clock()
        return samples, stamps_s

    def _take_connection(self) -> None:
        if self._found is None:
            return
        self._inlet, self.info = self._found
        self._same_host = self.info.hostname() == socket.gethostname()
        if self.info.channel_format() != pylsl.cf_string:
            shape = (_AT_ONCE, self.info.channel_count())
            self._buffer = np.zeros(shape, dtype=self._inlet.np_dtype)
        self._found = None

    def _correction_s(self) -> float:
        """What to add to the sender's clock; liblsl keeps its estimate, and returns at once."""
        if self._same_host or self._inlet is None:
            return 0.0
        try:
            return float(self._inlet.time_correction(_ANSWER_S))
        except (pylsl.util.TimeoutError, pylsl.util.LostError):
            return 0.0


class Connector:
    """Looks for the streams of some readers, in a thread of its own, until closed."""

    def __init__(self, readers: Sequence[StreamReader]) -> None:
        self._readers = readers
        self._resolver = pylsl.ContinuousResolver(forget_after=_FORGET_S)
        self._closed = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no longer."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.wait(_LOOK_EVERY_S):
            seen = self._resolver.results()
            for reader in self._readers:
                reader.look(seen)
