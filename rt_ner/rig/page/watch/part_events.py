"""Follow the events that a part of a rig tells."""

from pathlib import Path

from rt_ner.rig.links.tail import LogTail
from rt_ner.rig.supervision.process import log_of
from rt_ner.rig.supervision.state_file import PartState
from rt_ner.system.processes import Message, event_log_of, parsed


class PartEvents:
    """The events of a part since its present start, ``told``: each start has a log of its own."""

    def __init__(self, name: str, logs: Path) -> None:
        self._name = name
        self._log = event_log_of(log_of(logs, name))
        self._pid: int | None = None
        self._tail = LogTail(self._log)
        self.told: list[Message] = []

    def poll(self, parts: dict[str, PartState]) -> None:
        """Read what was told since the last call; a part that does not run has told nothing."""
        pid = parts[self._name].pid if self._name in parts else None
        if pid != self._pid:
            self._pid, self._tail, self.told = pid, LogTail(self._log), []
        if pid is not None:
            self.told += filter(None, (parsed(line, "event") for line in self._tail.lines()))
