"""Watch the files of a rig: its state, its blocks, its logs."""

import json
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from rt_ner.core.errors import ConfigError
from rt_ner.rig.links.tail import LogTail
from rt_ner.rig.links.teller import RIG_LOG
from rt_ner.rig.page.watch.part_events import PartEvents
from rt_ner.rig.page.watch.text import all_shown, shown
from rt_ner.rig.plan.part import DECODER, PAGE, TASK
from rt_ner.rig.plan.steps import Step
from rt_ner.rig.supervision.process import log_of
from rt_ner.rig.supervision.state_file import PartState, RigState, read_state
from rt_ner.rig.supervision.supervisor import Status
from rt_ner.system.processes import parsed

_N_TOLD, _N_BLOCKS = 40, 12
_LOG_BYTES = 32_768
_SCORES = ("trials", "success_rate", "throughput_bps", "bitrate_bps")
NOTHING = "NOTHING RUNS"


class WatchedFiles:
    """The files of the rig in a folder.

    Parameters
    ----------
    state_file, logs, blocks
        The file that says which parts run, the folder of logs, and the file of the day's scores.

    """

    def __init__(self, state_file: Path, logs: Path, blocks: Path) -> None:
        self._state_file, self._logs = state_file, logs
        self._rig_tail = LogTail(log_of(logs, RIG_LOG))
        self._blocks_tail = LogTail(blocks)
        self._task, self._decoder = (PartEvents(name, logs) for name in (TASK, DECODER))
        self._told: deque[str] = deque(maxlen=_N_TOLD)
        self._blocks: deque[dict[str, Any]] = deque(maxlen=_N_BLOCKS)
        self.state: RigState | None = None

    @property
    def parts(self) -> dict[str, PartState]:
        """The parts but for the page itself, by name."""
        parts = self.state.parts if self.state else ()
        return {part.name: part for part in parts if part.name != PAGE}

    @property
    def activity(self) -> str:
        """The step that runs, `NOTHING`, or the decoder's name if its state says it."""
        parts = self.parts
        if all(part.status is Status.DONE for part in parts.values()):
            return NOTHING
        if DECODER in parts:
            return DECODER
        step = next((name for name in parts if name in list(Step)), Step.CALIBRATE)
        return step.upper()

    def poll(self) -> None:
        """Read what has been written."""
        # One that is damaged is read again at the next poll.
        with suppress(ConfigError, OSError):
            self.state = read_state(self._state_file)
        self._told.extend(shown(line) for line in self._rig_tail.lines()[-_N_TOLD:])
        for line in self._blocks_tail.lines():
            if scores := parsed(line, "step"):
                self._blocks.append(_block(scores))
        for events in (self._task, self._decoder):
            events.poll(self.parts)

    @property
    def swaps(self) -> dict[str, bool]:
        """True for ``is_offered`` if a swap would change the decoder, for ``can_undo`` likewise."""
        told = [event for event in self._decoder.told if event["event"] == "swaps"]
        newest = told[-1] if told else {}
        return {name: newest.get(name) is True for name in ("is_offered", "can_undo")}

    def shown(self) -> dict[str, Any]:
        """Return all as JSON values."""
        return {
            "is_watched": bool(self.state and self.state.is_watched),
            "parts": [_part(part) for part in self.parts.values()],
            "blocks": [*self._blocks, *self._present_block()],
            "told": list(self._told),
            "logs": self.log_names(),
        }

    def _present_block(self) -> Iterable[dict[str, Any]]:
        trials = [bool(event["success"]) for event in self._task.told if "success" in event]
        if trials:
            scores = {"trials": len(trials), "success_rate": sum(trials) / len(trials)}
            yield _block({"step": "now", **scores})

    def log_names(self) -> list[str]:
        """Return the names of the logs that may be read."""
        return [RIG_LOG, *all_shown(self.parts)]

    def log(self, name: str) -> str | None:
        """Return the end of a log; None if there is no such log."""
        if name not in self.log_names():
            return None
        try:
            with log_of(self._logs, name).open("rb") as log:
                size = log.seek(0, 2)
                log.seek(max(0, size - _LOG_BYTES))
                return log.read(_LOG_BYTES).decode(errors="replace")
        except OSError as error:
            return f"{name}: no log can be read ({error.strerror})"


def _part(part: PartState) -> dict[str, Any]:
    return {
        "name": shown(part.name),
        "status": part.shown_status,
        "missing": all_shown(part.missing),
        "restarts": part.restarts,
    }


def _block(scores: dict[str, Any]) -> dict[str, Any]:
    """Return what is shown of a block; a score that is not a finite number is left out."""
    numbers = {name: scores.get(name) for name in _SCORES}
    return {
        "step": shown(str(scores["step"])),
        "moved_by": shown(Path(str(scores.get("moved_by", ""))).name),
    } | {name: value for name, value in numbers.items() if _is_finite(value)}


def _is_finite(value: object) -> bool:
    with suppress(ValueError, TypeError):
        json.dumps(value, allow_nan=False)
        return isinstance(value, int | float)
    return False
