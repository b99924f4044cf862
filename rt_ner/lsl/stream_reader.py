"""Read LSL streams without ever waiting, and find them again when they come back."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pylsl

from rt_ner.core.arrays import FloatArray
from rt_ner.core.contract.names import is_same_host
from rt_ner.core.quantities.units import cm_per_unit, is_speed
from rt_ner.lsl.discovery import StreamQuery
from rt_ner.lsl.network.host_clock import HostClock
from rt_ner.lsl.streams import about_of

_ANSWER_S = 2.0
# Length of liblsl's buffer for a client that does not read, in seconds; of an irregular stream, 100
# samples count as one.
_BUFFER_S = 60
_AT_ONCE = 2048
_MANY_CHUNKS = 64


class StreamReader:
    """A reader of one stream, which comes and goes.

    Only `look` is called from another thread, the `Lookout`'s. Once connected, the reader comes
    back to a stream of the same computer alone: another rig's may have the same source_id.

    Parameters
    ----------
    query
        Returns the description of the stream; None while it is not known.

    Attributes
    ----------
    info
        The stream's full metadata; None until it is connected.
    labels, about
        The channels' labels, and the further metadata by name, both read once per connection; empty
        until it is connected.
    problem
        A sentence on why the stream is not connected; empty if there is no reason.

    """

    def __init__(self, query: Callable[[], StreamQuery | None]) -> None:
        self._query = query
        self._inlet: pylsl.StreamInlet | None = None
        self._found: tuple[pylsl.StreamInlet, pylsl.StreamInfo, HostClock] | None = None
        self._buffer = np.zeros((0, 0))
        self._clock: HostClock | None = None
        self._arrived_s = -np.inf
        self._last: tuple[StreamQuery, str, str] | None = None
        self.info: pylsl.StreamInfo | None = None
        self.labels: tuple[str, ...] = ()
        self.about: Mapping[str, str] = {}
        self.problem = ""

    @property
    def is_connected(self) -> bool:
        """True if the stream is connected."""
        return self._inlet is not None

    @property
    def cm_per_unit(self) -> float:
        """Factor that converts the first channel's unit to cm or cm/s."""
        units = (self.info.get_channel_units() if self.info else None) or [""]
        known = cm_per_unit(str(units[0]))
        return 1.0 if known is None else known

    def pair(self, values: FloatArray, is_rate: bool) -> FloatArray | None:
        """Return the first two columns ``(sample, 2)`` of a velocity, or else of a position.

        They are in cm/s or cm. None unless two channels have such a unit.
        """
        units = [str(unit) for unit in (self.info.get_channel_units() if self.info else None) or ()]
        columns = [
            column
            for column, unit in enumerate(units[: values.shape[1]])
            if cm_per_unit(unit) is not None and is_speed(unit) == is_rate
        ][:2]
        if len(columns) < 2:
            return None
        return values[:, columns] * [cm_per_unit(units[column]) or 1.0 for column in columns]

    def age_s(self) -> float:
        """Return the time since the newest sample, in s; infinite if none has come."""
        return float(pylsl.local_clock() - self._arrived_s)

    def look(self, seen: Sequence[pylsl.StreamInfo]) -> None:
        """Connect if the stream is among those seen and is not connected already."""
        query = self._query()
        if query is None or self._found:
            return
        found = self._candidates(query, seen)
        if self.info is not None and (not found or self.info.uid() in [i.uid() for i in found]):
            return
        if len(found) != 1:
            self.problem = _problem(query, found, seen)
            return
        self.problem = ""
        inlet = pylsl.StreamInlet(found[0], max_buflen=_BUFFER_S, recover=False)
        try:
            info = inlet.info(_ANSWER_S)
            inlet.open_stream(_ANSWER_S)
            clock = HostClock(inlet, info.hostname())
            clock.offset_s(_ANSWER_S)
        except (pylsl.util.TimeoutError, pylsl.util.LostError) as error:
            self.problem = f"stream '{query.source_id or query}' does not answer ({error})"
            return
        self._last = query, info.hostname(), info.uid()
        self._found = inlet, info, clock

    def _candidates(
        self, query: StreamQuery, seen: Sequence[pylsl.StreamInfo]
    ) -> list[pylsl.StreamInfo]:
        """Return the streams that it may connect to; the last one again only if it is alone."""
        found = query.among(seen)
        if self._last is None or self._last[0] != query:
            return found
        _, host, uid = self._last
        found = [info for info in found if is_same_host(info.hostname(), host)]
        return [info for info in found if info.uid() != uid or self.is_connected] or found

    def numbers(self) -> tuple[FloatArray, FloatArray]:
        """Return the samples that have come since the last call.

        Returns
        -------
        tuple[FloatArray, FloatArray]
            Stamps ``(sample,)`` on the local LSL clock, in s, and values ``(sample, channel)``.

        """
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
        """Return the stamps, in s on the local LSL clock, and texts since the last call."""
        pulled = self._pull(None)
        if pulled is None:
            return []
        correction_s = self._correction_s()
        return [
            (stamp_s + correction_s, _text(row[0])) for row, stamp_s in zip(*pulled, strict=True)
        ]

    def _pull(self, buffer: FloatArray | None) -> tuple[Sequence[Sequence[str]], FloatArray] | None:
        """Return the samples that fit into one pull, and their stamps; None if there are none."""
        self._take_connection()
        if self._inlet is None:
            return None
        try:
            if buffer is None:
                # One text that is not UTF-8 would lose the whole chunk.
                samples, stamps_s = self._inlet.pull_chunk(0.0, _AT_ONCE, as_numpy=True)
            else:
                samples, stamps_s = self._inlet.pull_chunk(
                    0.0, _AT_ONCE, self._buffer, min_samples=1, as_numpy=True
                )
        except pylsl.util.LostError:
            self._inlet = self.info = None
            self.labels, self.about = (), {}
            return None
        if not len(stamps_s):
            return None
        self._arrived_s = pylsl.local_clock()
        return samples, stamps_s

    def _take_connection(self) -> None:
        if self._found is None:
            return
        self._inlet, self.info, self._clock = self._found
        self.labels = tuple(map(str, self.info.get_channel_labels() or ()))
        self.about = about_of(self.info)
        if self.info.channel_format() != pylsl.cf_string:
            shape = (_AT_ONCE, self.info.channel_count())
            self._buffer = np.zeros(shape, dtype=self._inlet.np_dtype)
        self._found = None

    def _correction_s(self) -> float:
        """Return liblsl's estimate of the clock offset, which it keeps ready, so at once."""
        if self._clock is None:
            return 0.0
        try:
            return self._clock.offset_s(_ANSWER_S)
        except (pylsl.util.TimeoutError, pylsl.util.LostError):
            return 0.0


def _text(value: object) -> str:
    """Return a marker as text: as sent, with U+FFFD for what is not UTF-8, or a number's digits."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _problem(
    query: StreamQuery, found: Sequence[pylsl.StreamInfo], seen: Sequence[pylsl.StreamInfo]
) -> str:
    """Return why no stream can be chosen, with those of its kind that are there."""
    name = query.source_id or str(query)
    if found:
        return f"{len(found)} streams match '{name}'"
    of_its_kind = sorted(
        f"'{info.source_id()}' on host {info.hostname()}"
        for info in seen
        if info.type() in query.lsl_types and _kind(info.source_id()) == _kind(query.source_id)
    )
    there = f" (there is {' and '.join(of_its_kind)})" if of_its_kind else ""
    return f"no stream '{name}'{there}"


def _kind(source_id: str) -> str:
    return source_id.rpartition("/")[2]
