"""Notice the moments in which a core, or the computer's host, stood still.

A thread on each core, above all others, sleeps and wakes up again and again. If it wakes up late,
nothing else can have run on that core either. On a virtual computer, the time that the host gave to
others (steal) is read too.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from types import TracebackType

from rt_ner.system.scheduling import claim_priority_above_all

_EVERY_S = 0.005
# A sleep this much too long is ordinary.
_LATE_S = 0.0005
_STEAL_EVERY_S = 0.05
_STEAL_FIELD = 8


class StallWatch:
    """Records stalls and steal within a ``with`` block.

    Parameters
    ----------
    now_s
        The clock of all times, in s.

    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._stalls: list[tuple[float, float]] = []
        self._steal: list[tuple[float, float]] = []
        self._closed = Event()
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [None]
        self._threads = [Thread(target=self._watch, args=(core,), daemon=True) for core in cores]
        if steal_s() is not None:
            self._threads.append(Thread(target=self._watch_steal, daemon=True))

    def __enter__(self) -> "StallWatch":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closed.set()
        for thread in self._threads:
            thread.join()

    def longest_s(self, begin_s: float, end_s: float) -> float:
        """Return the longest stall of a core that touches an interval, in s; 0 without one."""
        touching = (
            late for until, late in self._stalls if until - late < end_s and until > begin_s
        )
        return max(touching, default=0.0)

    def stolen_s(self, begin_s: float, end_s: float) -> float:
        """Return the time that the host took from an interval, in s.

        The kernel counts it in steps of 10 ms, and it is read every 50 ms: the interval is widened
        to the readings around it.
        """
        before = [total for at_s, total in self._steal if at_s <= begin_s][-1:]
        after = [total for at_s, total in self._steal if at_s >= end_s][:1]
        return after[0] - before[0] if before and after else 0.0

    def _watch(self, core: int | None) -> None:
        if core is not None and sys.platform == "linux":
            os.sched_setaffinity(0, {core})
        claim_priority_above_all()
        while not self._closed.is_set():
            due_s = self._now_s() + _EVERY_S
            time.sleep(_EVERY_S)
            late_s = (woken_s := self._now_s()) - due_s
            if late_s > _LATE_S:
                self._stalls.append((woken_s, late_s))

    def _watch_steal(self) -> None:
        while True:
            self._steal.append((self._now_s(), steal_s() or 0.0))
            if self._closed.wait(_STEAL_EVERY_S):
                break
        self._steal.append((self._now_s(), steal_s() or 0.0))


def steal_s() -> float | None:
    """Return the time that the host has given to others since the start, over all cores, in s.

    None if the system does not say (it is Linux that does).
    """
    if not sys.platform.startswith("linux"):
        return None
    fields = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0].split()
    return int(fields[_STEAL_FIELD]) / os.sysconf("SC_CLK_TCK") if len(fields) > 8 else None
