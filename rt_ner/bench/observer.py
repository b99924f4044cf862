"""Observer: an LSL client that keeps what a decoder says, and waits for it to say something."""

import threading
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pylsl

from rt_ner.core.arrays import FloatArray
from rt_ner.core.contract.kinds import TIMING_LABELS, Kind
from rt_ner.core.errors import RtNerError, StreamError
from rt_ner.live.states import State
from rt_ner.lsl.discovery import find_stream, query_for
from rt_ner.system.processes import ChildProcess

_CONNECT_S = 60.0
_PULL_S = 0.02
_MAX_SAMPLES = 4096
_FIRST_COUNT = TIMING_LABELS.index("pushed") + 1
_GAIN = TIMING_LABELS.index("gain")


class Said(NamedTuple):
    """A state or a notice: its stamp, when it was heard, and the words; in LSL seconds."""

    stamp_s: float
    heard_s: float
    text: str


class Observer:
    """Listens to a decoder's streams from a thread, from the moment that it is made.

    ``on_velocity``: called with the stamp (s) and velocity of each sample.
    """

    def __init__(
        self,
        name: str,
        decoder: ChildProcess,
        on_velocity: Callable[[float, list[float]], None] = lambda *_: None,
    ) -> None:
        self.states: list[Said] = []
        self.notices: list[Said] = []
        self.timing: list[float] = [0.0] * len(TIMING_LABELS)
        self.largest_lag_s = 0.0
        self._on_velocity = on_velocity
        self._inlets: dict[Kind, pylsl.StreamInlet] = {}
        for kind in (Kind.VELOCITY, Kind.TIMING, Kind.STATE, Kind.NOTICES):
            info = find_stream(query_for(name, kind), _CONNECT_S, decoder.has_ended)
            if info is None:
                decoder.finish(0.0)
                raise StreamError(f"'{name}' ended before it announced its {kind}")
            self._inlets[kind] = pylsl.StreamInlet(info, recover=False)
            self._inlets[kind].open_stream(_CONNECT_S)
        self._kept: list[tuple[float, list[float]]] | None = None
        self._news = threading.Condition()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no longer."""
        self._closed.set()
        self._thread.join()

    @property
    def counts(self) -> dict[str, int]:
        """The decoder's newest running counts, by name."""
        named = zip(TIMING_LABELS, self.timing, strict=True)
        return {name: int(value) for name, value in list(named)[_FIRST_COUNT:_GAIN]}

    @property
    def state(self) -> str:
        """The newest state; empty if none was heard."""
        return self.states[-1].text if self.states else ""

    def wait_until(self, true: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
        """Return once something is true of what was heard; RtNerError, saying what, if never."""
        with self._news:
            if not self._news.wait_for(true, seconds):
                raise RtNerError(
                    f"waited {seconds:g} s in vain: {what}; the decoder is in state {self.state}, "
                    f"its counts are {self.counts}"
                )

    def wait_for_state(self, state: State, after: int = 0) -> Said:
        """The first such state among those from the ``after``-th on."""

        def heard() -> list[Said]:
            return [said for said in self.states[after:] if said.text == state]

        self.wait_until(lambda: bool(heard()), f"state {state}")
        return heard()[0]

    def listen_for(self, seconds: float) -> tuple[FloatArray, FloatArray]:
        """Stamps ``(hop,)`` in s and rows of `TIMING_LABELS` that come within so many seconds."""
        with self._news:
            self._kept = []
        self._closed.wait(seconds)
        with self._news:
            kept, self._kept = self._kept, None
        if not kept:
            raise RtNerError(
                f"no step within {seconds:g} s; the decoder is in state {self.state}, its counts "
                f"are {self.counts}"
            )
        stamps_s, rows = zip(*kept, strict=True)
        return np.array(stamps_s), np.array(rows)

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                self._hear()
            except pylsl.util.LostError:
                return

    def _hear(self) -> None:
        velocities, stamps_s = self._inlets[Kind.VELOCITY].pull_chunk(_PULL_S, _MAX_SAMPLES)
        for stamp_s, velocity in zip(stamps_s, velocities, strict=True):
            self._on_velocity(stamp_s, velocity)
        rows, row_stamps_s = self._inlets[Kind.TIMING].pull_chunk(0.0, _MAX_SAMPLES)
        for stamp_s, row in zip(row_stamps_s, rows, strict=True):
            self.largest_lag_s = max(self.largest_lag_s, row[_FIRST_COUNT - 1] - stamp_s)
        with self._news:
            if rows:
                self.timing = rows[-1]
            if self._kept is not None:
                self._kept += zip(row_stamps_s, rows, strict=True)
            self.states += self._texts(Kind.STATE)
            self.notices += self._texts(Kind.NOTICES)
            self._news.notify_all()

    def _texts(self, kind: Kind) -> list[Said]:
        said = []
        samples, stamps_s = self._inlets[kind].pull_chunk(0.0, _MAX_SAMPLES)
        heard_s = pylsl.local_clock()
        for stamp_s, (text,) in zip(stamps_s, samples, strict=True):
            said.append(Said(stamp_s, heard_s, text))
        return said
