"""Notice parts whose processes stand still."""

import time
from collections.abc import Callable, Iterator, Mapping

from rt_ner.record.rig_events import Happened, Noticed
from rt_ner.rig.supervision.identity import is_stopped


class FreezeWatch:
    """The processes of the parts: a stopped one holds its streams open, and sends nothing."""

    def __init__(self, is_stopped: Callable[[int], bool] = is_stopped) -> None:
        self._is_stopped = is_stopped
        self._since_s: dict[tuple[str, int], float] = {}

    def look(self, pids: Mapping[str, int], now_s: float | None = None) -> Iterator[Noticed]:
        """Yield what has changed; ``pids``: the process of each part that runs, by name."""
        now_s = time.monotonic() if now_s is None else now_s
        for part in pids.items():
            name, pid = part
            if self._is_stopped(pid) == (part in self._since_s):
                continue
            if part in self._since_s:
                length_s = now_s - self._since_s.pop(part)
                yield Happened.BACK, name, f"goes on after {length_s:.1f} s"
            else:
                self._since_s[part] = now_s
                yield Happened.FROZEN, name, f"is stopped and does nothing (process {pid})"
        self._since_s = {part: s for part, s in self._since_s.items() if part in pids.items()}
