"""Watch a decoder through its streams, as any client can."""

import math
import time
from collections import deque
from functools import partial
from typing import Any

import numpy as np
import pylsl

from rt_ner.core.contract.input_counts import SHOWN_LOSSES
from rt_ner.core.contract.kinds import TIMING_LABELS, Kind
from rt_ner.live.observed.channels import ObservedChannels
from rt_ner.live.observed.state import ObservedState
from rt_ner.live.states import State
from rt_ner.lsl.discovery import query_for
from rt_ner.lsl.network.lookout import Lookout
from rt_ner.lsl.ring import Ring
from rt_ner.lsl.stream_reader import StreamReader
from rt_ner.rig.page.watch.text import all_shown, shown

_KINDS = (Kind.STATE, Kind.TIMING, Kind.COUNTS, Kind.NOTICES)
_NEWEST, _ARRIVED, _PUSHED, _GAIN, _STATE = map(
    TIMING_LABELS.index, ("newest_sample", "arrived", "pushed", "gain", "state")
)
# Rows that are kept: ten seconds of hops of 1 ms.
_ROWS, _SPAN_S = 10_000, 10.0
# In these states a decoder that says nothing for so long does not work.
_STEPPING, _SILENT_S = (State.RUNNING, State.HOLD), 0.5
_N_NOTICES, _N_NAMED = 30, 8
NO_DECODER, NO_ANSWER = "NO DECODER", "NO ANSWER"


class WatchedDecoder:
    """A decoder, by the name of its streams.

    `poll` takes what has come; `shown` returns it.
    """

    def __init__(self, name: str) -> None:
        self._readers = {kind: StreamReader(partial(query_for, name, kind)) for kind in _KINDS}
        self._state = ObservedState()
        self._timing = Ring(_ROWS, len(TIMING_LABELS))
        self._channels = ObservedChannels(())
        self._notices: deque[str] = deque(maxlen=_N_NOTICES)

    def lookout(self) -> Lookout:
        """Start to look for the streams."""
        return Lookout(list(self._readers.values()))

    def poll(self) -> None:
        """Take everything that has come, without waiting."""
        for stamp_s, state in self._readers[Kind.STATE].texts():
            self._state.take(stamp_s, state)
        stamps_s, rows = self._readers[Kind.TIMING].numbers()
        if len(stamps_s) and rows.shape[1] == len(TIMING_LABELS):
            self._timing.extend(stamps_s, rows)
            self._state.take_number(float(stamps_s[-1]), rows[-1, _STATE])
        if not self._readers[Kind.STATE].is_connected:
            self._state.forget()
        self._poll_channels()
        for stamp_s, notice in self._readers[Kind.NOTICES].texts():
            self._notices.append(f"{_clock_time(stamp_s)} {shown(notice)}")

    def _poll_channels(self) -> None:
        reader = self._readers[Kind.COUNTS]
        stamps_s, counts = reader.numbers()
        if reader.labels and reader.labels != self._channels.labels:
            self._channels = ObservedChannels(reader.labels)
        self._channels.take(stamps_s, counts)

    @property
    def state(self) -> str:
        """The state, as far as it can be believed: a frozen decoder's last word is not."""
        if not self._state.name:
            return NO_DECODER
        is_frozen = self._readers[Kind.TIMING].age_s() > _SILENT_S
        return NO_ANSWER if is_frozen and self._state.name in _STEPPING else shown(self._state.name)

    def shown(self) -> dict[str, Any]:
        """Return all but the state as JSON values; None stands for what is not known."""
        return {
            **self._shown_timing(),
            "electrodes": self._shown_channels(),
            "notices": list(self._notices),
        }

    def _shown_timing(self) -> dict[str, Any]:
        _, rows = self._timing.newest(_SPAN_S)
        if not len(rows):
            return {"age_ms": None, "latency_ms": None, "gain": None, "losses": {}}
        newest = rows[-1]
        silent_s = self._readers[Kind.TIMING].age_s()
        age_s = newest[_PUSHED] - newest[_NEWEST] + (silent_s if silent_s > _SILENT_S else 0.0)
        latency_s = np.percentile(rows[:, _PUSHED] - rows[:, _ARRIVED], (50, 99))
        losses = {
            name: int(sum(newest[TIMING_LABELS.index(each.name.lower())] for each in counts))
            for name, counts in SHOWN_LOSSES.items()
        }
        return {
            "age_ms": _finite(age_s * 1e3),
            "latency_ms": [_finite(each * 1e3) for each in latency_s.tolist()],
            "gain": _finite(newest[_GAIN]),
            "losses": losses,
        }

    def _shown_channels(self) -> dict[str, Any]:
        channels = self._channels
        names = np.array(channels.labels, dtype=object)
        marked = {"silent": channels.dead, "hot": channels.hot & ~channels.dead}
        return {"all": len(names)} | {
            kind: {"n": int(which.sum()), "names": all_shown(names[which][:_N_NAMED])}
            for kind, which in marked.items()
        }


def _finite(value: float) -> float | None:
    return round(float(value), 3) if math.isfinite(value) else None


def _clock_time(stamp_s: float) -> str:
    """Return the time of day at a stamp of the local LSL clock; the present if it is absurd."""
    ago_s = pylsl.local_clock() - stamp_s
    ago_s = ago_s if 0 <= ago_s < 24 * 3600 else 0.0
    return time.strftime("%H:%M:%S", time.localtime(time.time() - ago_s))
