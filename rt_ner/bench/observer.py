"""Listen to a decoder as an LSL client, and wait for its states and notices."""

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


class Message(NamedTuple):
    """A state or a notice, with its stamp and its time of arrival, both in LSL seconds."""

    stamp_s: float
    received_s: float
    text: str


class Observer:
    """Listens to a decoder's streams from a thread of its own.

    Calls ``on_velocity`` with the stamp (s) and the velocity of each sample.
    """

    def __init__(
        self,
        name: str,
        decoder: ChildProcess,
        on_velocity: Callable[[float, list[float]], None] = lambda *_: None,
    ) -> None:
        self.states: list[Message] = []
        self.notices: list[Message] = []
        self.timing: list[float] = [0.0] * len(TIMING_LABELS)
        self.largest_lag_s = self.longest_push_s = 0.0
        self._on_velocity = on_velocity
        self._inlets: dict[Kind, pylsl.StreamInlet] = {}
        for kind in (Kind.VELOCITY, Kind.TIMING, Kind.STATE, Kind.NOTICES):
            info = find_stream(query_for(name, kind), _CONNECT_S, decoder.has_ended)
            if info is None:
                decoder.finish(0.0)
                raise StreamError(
                    f"'{name}' ended before it announced its {kind} stream; {decoder.last_words()}"
                )
            self._inlets[kind] = pylsl.StreamInlet(info, recover=False)
            self._inlets[kind].open_stream(_CONNECT_S)
        self._kept: list[tuple[float, list[float]]] | None = None
        self._news = threading.Condition()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._closed.set()
        self._thread.join()

    @property
    def counts(self) -> dict[str, int]:
        """Newest running counts of the decoder, by name."""
        named = zip(TIMING_LABELS, self.timing, strict=True)
        return {name: int(value) for name, value in list(named)[_FIRST_COUNT:_GAIN]}

    @property
    def state(self) -> str:
        """Newest state; empty if there was none."""
        return self.states[-1].text if self.states else ""

    def wait_until(self, true: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
        """Wait until ``true`` returns True; raise RtNerError, naming ``what``, if it never does."""
        with self._news:
            if not self._news.wait_for(true, seconds):
                raise RtNerError(f"{what} did not come within {seconds:g} s; {self._said()}")

    def wait_for_state(self, state: State, after: int = 0) -> Message:
        """Wait for a state, and return its first message from number ``after`` on."""

        def heard() -> list[Message]:
            return [message for message in self.states[after:] if message.text == state]

        self.wait_until(lambda: bool(heard()), f"state {state}")
        return heard()[0]

    def listen_for(self, seconds: float) -> tuple[FloatArray, FloatArray]:
        """Return stamps ``(hop,)`` in s and rows of `TIMING_LABELS` of the next ``seconds``."""
        with self._news:
            self._kept = []
        self._closed.wait(seconds)
        with self._news:
            kept, self._kept = self._kept, None
        if not kept:
            raise RtNerError(f"no decoding step within {seconds:g} s; {self._said()}")
        stamps_s, rows = zip(*kept, strict=True)
        return np.array(stamps_s), np.array(rows)

    def _said(self) -> str:
        return f"the decoder is in state {self.state}, its counts are {self.counts}"

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
            decoded_s, pushed_s = row[_FIRST_COUNT - 2 : _FIRST_COUNT]
            self.largest_lag_s = max(self.largest_lag_s, pushed_s - stamp_s)
            self.longest_push_s = max(self.longest_push_s, pushed_s - decoded_s)
        with self._news:
            if rows:
                self.timing = rows[-1]
            if self._kept is not None:
                self._kept += zip(row_stamps_s, rows, strict=True)
            self.states += self._texts(Kind.STATE)
            self.notices += self._texts(Kind.NOTICES)
            self._news.notify_all()

    def _texts(self, kind: Kind) -> list[Message]:
        messages = []
        samples, stamps_s = self._inlets[kind].pull_chunk(0.0, _MAX_SAMPLES)
        received_s = pylsl.local_clock()
        for stamp_s, (text,) in zip(stamps_s, samples, strict=True):
            messages.append(Message(stamp_s, received_s, text))
        return messages
