"""Watch that a recording grows as fast as its streams should make it."""

import time
from collections.abc import Callable, Iterable

import pylsl

from rt_ner.record.engines.engine import Engine

# A watch that looks only after so long has slept with the computer, and the sources with it.
_ASLEEP_S = 5.0
# A file that should have grown by this many bytes, but has not: more than LabRecorder buffers.
_SILENT_S, _SILENT_BYTES = 15.0, 65_536


class GrowthWatch:
    """Raises the alarm once if a recording has not grown for 15 s, and tells when it grows again.

    After the first 15 s, it also names the streams of which nothing has come.

    Recording goes on all the while: a source may be paused, and only its operator knows.
    ``clock_s`` returns seconds.
    """

    def __init__(
        self,
        engine: Engine,
        tell: Callable[[str], None],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._tell = tell
        self._clock_s = clock_s
        self._size = 0
        self._grown_at_s = self._looked_at_s = clock_s()
        self._is_silent = False
        self._look_for_all_s: float | None = None

    def begin(self) -> None:
        """Count from now on."""
        self._grown_at_s = self._looked_at_s = self._clock_s()
        self._look_for_all_s = self._grown_at_s + _SILENT_S

    def check(self, streams: Iterable[pylsl.StreamInfo]) -> None:
        """Look at what was written; ``streams`` are those that can be recorded now."""
        streams, now_s = list(streams), self._clock_s()
        if now_s - self._looked_at_s > _ASLEEP_S:
            self._grown_at_s = now_s
        self._looked_at_s = now_s
        size = self._engine.n_bytes()
        if size > self._size or bytes_per_s(streams) * _SILENT_S < _SILENT_BYTES:
            self._grown_at_s = now_s
        self._size = size
        is_silent = now_s - self._grown_at_s > _SILENT_S
        if is_silent and not self._is_silent:
            self._tell(
                f"ALARM: nothing has been written for {_SILENT_S:g} s: either the sources send "
                f"nothing (paused?), or {self._engine.name} hangs (then start another recording)"
            )
        elif self._is_silent and not is_silent:
            self._tell("the recording grows again")
        self._is_silent = is_silent
        if self._look_for_all_s is not None and now_s > self._look_for_all_s:
            self._look_for_all_s = None
            self._tell_of_absent(streams)

    def _tell_of_absent(self, streams: Iterable[pylsl.StreamInfo]) -> None:
        """Name the streams that should have come; those without a rate may be rare."""
        received = self._engine.received()
        regular = {str(info.name()) for info in streams if info.nominal_srate() > 0}
        if received and (absent := sorted(regular - received)):
            self._tell(
                f"ALARM: nothing is recorded of {', '.join(absent)}: either the source sends "
                f"nothing (paused?), or {self._engine.name} does not receive it (LabRecorder needs "
                "a network with multicast; --format nwb does not)"
            )


def bytes_per_s(streams: Iterable[pylsl.StreamInfo]) -> float:
    """Return the lowest data rate of the streams in bytes/s: one byte per announced value."""
    return sum(float(info.nominal_srate() * info.channel_count()) for info in streams)
