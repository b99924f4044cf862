"""Run a simulated rig from a file of its own, as an operator does, and see how its parts are."""

import os
import signal
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from rt_ner.core.errors import RtNerError
from rt_ner.live.states import State
from rt_ner.record.naming import RecordingName
from rt_ner.rig.file.layout import BRAIN, load_rig
from rt_ner.rig.file.template import VALUES, Template, rig_text
from rt_ner.rig.plan.part import DECODER
from rt_ner.rig.supervision.state_file import PartState, RigState, read_state
from rt_ner.system.processes import ChildProcess
from rt_ner.terminal.commands import Example, example_text

# The name of the process that watches over the parts, beside those of the parts.
WATCH = "rt-ner rig up"
_POLL_S = 0.05
_END_S = 60.0


class RunningRig:
    """A simulated subject, decoder, recorder and task under `rt-ner rig up`.

    Parameters
    ----------
    bundle
        The bundle that is decoded, whatever it is worth.
    folder
        A new folder for all files.

    Attributes
    ----------
    n_admitted
        Number of second decoders that were not refused.
    overwritten
        Names of the recordings that have become others, shorter, or none.

    """

    def __init__(self, bundle: Path, folder: Path) -> None:
        self.bundle = bundle
        self.folder = folder
        self.tag = uuid.uuid4().hex[:8]
        self._file = folder / "rig.toml"
        (folder / "decode.toml").write_text("[input]\nby_order = true\n")
        values = VALUES[Template.SIMULATED] | {
            "source.name": f"subject-{self.tag}",
            "decoder.bundle": str(bundle.absolute()),
            "decoder.config": "decode.toml",
            "decoder.name": f"decoder-{self.tag}",
            "decoder.restart": "always",
            "task.name": f"task-{self.tag}",
            "task.trials": 0,
            "task.restart": "always",
            "view.window": "off",
        }
        self._file.write_text(rig_text(example_text(Example.RIG), values), encoding="utf-8")
        self.settings = load_rig(self._file)
        self._n_starts = 0
        self._watch: ChildProcess
        self._recorded: dict[Path, tuple[int, int]] = {}
        self.n_admitted = 0
        self.overwritten: set[str] = set()
        self.seen: dict[int, PartState] = {}
        self.start()

    def start(self) -> None:
        """Start the watch over the parts, which starts them or takes them over."""
        self._n_starts += 1
        log = self.folder / f"up-{self._n_starts}.log"
        self._watch = ChildProcess(["rig", "up", str(self._file)], log, apart=True)

    def state(self) -> RigState | None:
        """Return the rig's own account of its parts, and remember their processes."""
        state = read_state(self.settings.state_file)
        self.seen |= {part.pid: part for part in state.parts if part.pid} if state else {}
        return state

    def pid(self, name: str) -> int | None:
        """Return the process of a part, or of the watch, if it runs."""
        if name == WATCH:
            return self._watch.pid
        state = self.state()
        pids = (
            [part.pid for part in state.parts if part.name == name and part.runs] if state else []
        )
        return pids[0] if pids else None

    def parts(self) -> list[str]:
        """Return the names of all parts, and that of the watch."""
        state = self.state()
        return [*(part.name for part in state.parts), WATCH] if state else []

    def is_well(self) -> bool:
        """Return True if the watch and all parts run, and the decoder decodes."""
        state = self.state()
        return bool(
            state
            and state.is_watched
            and state.decoder == State.RUNNING
            and all(part.runs for part in state.parts)
            and any(part.name == DECODER for part in state.parts)
        )

    def wait_until_well(self, longest_s: float) -> float | None:
        """Return the seconds until all is well; None if it is not in time."""
        begun_s = time.monotonic()
        while not self.is_well():
            if time.monotonic() - begun_s > longest_s:
                return None
            time.sleep(_POLL_S)
        return time.monotonic() - begun_s

    @property
    def report(self) -> Path:
        """The page that the rig writes at its end."""
        return self._name.report_path(self.settings.recordings)

    @property
    def _name(self) -> RecordingName:
        return self.settings.recording_name(BRAIN)

    def recordings(self) -> list[Path]:
        """Return all recordings so far, and note those that were overwritten."""
        found = self._name.session_runs(self.settings.recordings)
        now = {path: (path.stat().st_ino, path.stat().st_size) for path in found}
        for path, (number, size) in self._recorded.items():
            is_same = path in now and now[path][0] == number and now[path][1] >= size
            self.overwritten |= set() if is_same else {path.name}
        self._recorded |= now
        return found

    def said(self) -> list[str]:
        """Return all that the watch has said so far."""
        logs = [self.folder / f"up-{number}.log" for number in range(1, self._n_starts + 1)]
        return [line for log in logs for line in log.read_text(errors="replace").splitlines()]

    def finish(self, tell: Callable[[str], object]) -> list[str]:
        """End all as Ctrl-C does, and return the parts that run all the same; these are killed."""
        self.state()
        self._watch.interrupt()
        try:
            self._watch.wait(_END_S)
        except RtNerError as error:
            tell(str(error))
        self._watch.end()
        left = [part for part in self.seen.values() if part.runs]
        for part in left:
            assert part.pid
            os.kill(part.pid, signal.SIGKILL)
        return [part.name for part in left]
