"""Listening: what some streams send in a few seconds, heard without getting in anyone's way."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import nan
from threading import Event

import numpy as np
import pylsl

from rt_ner.core.arrays import AnyArray, FloatArray

_TIMEOUT_S = 3.0
# How much liblsl keeps for us, in seconds; of an irregular stream, 100 samples count as one.
_BUFFER_S, _EVENT_BUFFER_S = 10, 1000
# Between two looks at a stream: many streams at many kHz must not keep a core busy that a
# decoder may need.
_PAUSE_S = 0.005
_LONGEST_PULL_S = 0.1
# How much is taken at once.
_MAX_SAMPLES, _MAX_BYTES = 4096, 4_000_000

Take = Callable[[AnyArray], None]


@dataclass(frozen=True, eq=False)
class Heard:
    """What came of one stream. ``problem``: why it could not be heard, or not to the end.

    ``stamps_s``: ``(sample,)``, as sent. ``arrived_s``: ``(sample,)`` on the local clock, NaN
    where the arrival was not waited for. ``offsets_s``: what is to be added to the stamps to get
    local time, as measured before and after; NaN if that failed. ``listened_s``: 0 unless heard to
    the end.
    """

    stamps_s: FloatArray
    arrived_s: FloatArray
    offsets_s: tuple[float, float]
    listened_s: float
    problem: str


def listen(
    infos: Sequence[pylsl.StreamInfo], seconds: float, stop: Event, takes: Mapping[str, Take]
) -> list[Heard]:
    """Listen to all streams at once, for so many seconds or until ``stop``.

    ``takes``: by a stream's uid, what to call with its samples ``(sample, channel)``, in a buffer
    that is reused.
    """
    if not infos:
        return []
    with ThreadPoolExecutor(len(infos)) as pool:
        hearings = [
            pool.submit(_hear, info, seconds, stop, takes.get(info.uid(), _leave)) for info in infos
        ]
    return [hearing.result() for hearing in hearings]


def full_info(info: pylsl.StreamInfo) -> pylsl.StreamInfo | None:
    """A visible stream's description with all its metadata; None if its host gives none."""
    try:
        return pylsl.StreamInlet(info, recover=False).info(_TIMEOUT_S)
    except (pylsl.util.TimeoutError, pylsl.util.LostError):
        return None


class _Ear:
    """One stream's inlet, and what came through it."""

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
        """Subscribe."""
        self._inlet.open_stream(_TIMEOUT_S)

    def offset_s(self) -> float:
        """What is to be added to the source's time to get ours; NaN if its host does not say."""
        try:
            return float(self._inlet.time_correction(_TIMEOUT_S))
        except pylsl.util.TimeoutError:
            return nan

    def drain(self) -> None:
        """Take what waits. When it arrived is not known."""
        while self._pull(0.0) == self._n_max:
            pass

    def wait(self, timeout_s: float) -> None:
        """Take what comes next, and note when."""
        self._pull(timeout_s)

    def _pull(self, timeout_s: float) -> int:
        values, stamps_s = self._inlet.pull_chunk(
            timeout_s, self._n_max, self._values, min_samples=1, as_numpy=True
        )
        now_s = pylsl.local_clock()
        if len(stamps_s):
            # A copy: these stamps are a view of an array for as many as may come.
            self.stamps_s.append(stamps_s.copy())
            arrived_s = np.full(len(stamps_s), nan)
            if timeout_s:
                arrived_s[-1] = now_s
            self.arrived_s.append(arrived_s)
            self._take(values)
        return len(stamps_s)


def _hear(info: pylsl.StreamInfo, seconds: float, stop: Event, take: Take) -> Heard:
    ear = _Ear(info, take)
    before_s = after_s = nan
    listened_s = 0.0
    problem = ""
    try:
        before_s = ear.offset_s()
        ear.open()
        opened_s = pylsl.local_clock()
        while not stop.is_set() and (left_s := opened_s + seconds - pylsl.local_clock()) > 0:
            ear.drain()
            ear.wait(min(left_s, _LONGEST_PULL_S))
            stop.wait(_PAUSE_S)
        listened_s = pylsl.local_clock() - opened_s
        after_s = ear.offset_s()
    except pylsl.util.TimeoutError:
        problem = f"is visible, but can't be opened within {_TIMEOUT_S:g} s"
    except pylsl.util.LostError:
        problem = "went away"
    return Heard(
        np.concatenate([np.zeros(0), *ear.stamps_s]),
        np.concatenate([np.zeros(0), *ear.arrived_s]),
        (before_s, after_s),
        listened_s,
        problem,
    )


def _leave(_: AnyArray) -> None:
    """Nothing more is asked of these samples."""
