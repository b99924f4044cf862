"""Receive the streams for a few seconds without disturbing their other clients."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import nan
from threading import Event

import numpy as np
import pylsl

from rt_ner.core.arrays import AnyArray, FloatArray

TIMEOUT_S = 3.0
# Size of liblsl's buffer in seconds; in an irregular stream, 100 samples count as a second.
_BUFFER_S, _EVENT_BUFFER_S = 10, 1000
# Pause between two pulls: many streams at many kHz must not occupy a core that a decoder needs.
_PAUSE_S = 0.005
_LONGEST_PULL_S = 0.1
# Most that is pulled at once.
_MAX_SAMPLES, _MAX_BYTES = 4096, 4_000_000

Take = Callable[[AnyArray], None]


@dataclass(frozen=True, eq=False)
class Received:
    """Samples of one stream. ``problem`` says why they are missing or incomplete, else empty.

    ``stamps_s`` ``(sample,)`` are the time stamps as sent, ``arrived_s`` ``(sample,)`` the times
    of arrival on the local clock, NaN where the arrival was not waited for. ``offsets_s`` are to be
    added to the stamps to get local time, as measured before and after; NaN if that failed.
    ``listened_s`` is 0 unless the stream was received to the end.
    """

    stamps_s: FloatArray
    arrived_s: FloatArray
    offsets_s: tuple[float, float]
    listened_s: float
    problem: str


def listen(
    infos: Sequence[pylsl.StreamInfo], seconds: float, stop: Event, takes: Mapping[str, Take]
) -> list[Received]:
    """Receive all streams at once, for ``seconds`` or until ``stop``.

    ``takes`` has, by a stream's uid, the function to call with its samples ``(sample, channel)``.
    Their array is reused.
    """
    if not infos:
        return []
    with ThreadPoolExecutor(len(infos)) as pool:
        futures = [
            pool.submit(_receive, info, seconds, stop, takes.get(info.uid(), _ignore))
            for info in infos
        ]
    return [future.result() for future in futures]


class _Receiver:
    """The inlet of one stream, and the stamps and arrivals of its samples."""

    def __init__(self, info: pylsl.StreamInfo, take: Take) -> None:
        buffer_s = _BUFFER_S if info.nominal_srate() > 0 else _EVENT_BUFFER_S
        self._inlet = pylsl.StreamInlet(info, max_buflen=buffer_s, recover=False)
        dtype = np.dtype(self._inlet.np_dtype)
        n_channels = info.channel_count()
        self._n_max = max(1, min(_MAX_SAMPLES, _MAX_BYTES // (n_channels * dtype.itemsize)))
        self._values = np.zeros((self._n_max, n_channels), dtype=dtype)
        self._take = take
        self.stamps_s: list[FloatArray] = []
        self.arrived_s: list[FloatArray] = []

    def open(self) -> None:
        """Subscribe to the stream."""
        self._inlet.open_stream(TIMEOUT_S)

    def offset_s(self) -> float:
        """Return the offset from the source's clock to ours; NaN if its host does not answer."""
        try:
            return float(self._inlet.time_correction(TIMEOUT_S))
        except pylsl.util.TimeoutError:
            return nan

    def drain(self) -> None:
        """Take the samples that wait; their time of arrival is not known."""
        while self._pull(0.0) == self._n_max:
            pass

    def wait(self, timeout_s: float) -> None:
        """Take the next samples, and note when they come."""
        self._pull(timeout_s)

    def _pull(self, timeout_s: float) -> int:
        values, stamps_s = self._inlet.pull_chunk(
            timeout_s, self._n_max, self._values, min_samples=1, as_numpy=True
        )
        now_s = pylsl.local_clock()
        if len(stamps_s):
            # A copy, because these stamps are a view of a larger array.
            self.stamps_s.append(stamps_s.copy())
            arrived_s = np.full(len(stamps_s), nan)
            if timeout_s:
                arrived_s[-1] = now_s
            self.arrived_s.append(arrived_s)
            self._take(values)
        return len(stamps_s)


def _receive(info: pylsl.StreamInfo, seconds: float, stop: Event, take: Take) -> Received:
    receiver = _Receiver(info, take)
    before_s = after_s = nan
    listened_s = 0.0
    problem = ""
    try:
        before_s = receiver.offset_s()
        receiver.open()
        opened_s = pylsl.local_clock()
        while not stop.is_set() and (left_s := opened_s + seconds - pylsl.local_clock()) > 0:
            receiver.drain()
            receiver.wait(min(left_s, _LONGEST_PULL_S))
            stop.wait(_PAUSE_S)
        listened_s = pylsl.local_clock() - opened_s
        after_s = receiver.offset_s()
    except pylsl.util.TimeoutError:
        problem = f"is visible, but did not open within {TIMEOUT_S:g} s"
    except pylsl.util.LostError:
        problem = "disappeared while the doctor listened"
    return Received(
        np.concatenate([np.zeros(0), *receiver.stamps_s]),
        np.concatenate([np.zeros(0), *receiver.arrived_s]),
        (before_s, after_s),
        listened_s,
        problem,
    )


def _ignore(_: AnyArray) -> None:
    """Do nothing with the samples of a stream whose stamps are enough."""
