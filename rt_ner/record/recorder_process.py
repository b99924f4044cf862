"""Child: `rt-ner record` in a process of its own, started and watched by another command."""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

from rt_ner.record.naming import RecordingName
from rt_ner.system.processes import ChildProcess

# By these words `rt-ner record` says that it records.
BEGUN = "Ctrl-C ends it"
# How soon the operator hears that it is gone, and how long it may take to close its file.
_POLL_S, _END_S = 0.5, 30.0


class RecorderChild:
    """Records all streams into ``folder``, once the stream ``wait_for`` is there, until closed.

    ``tell`` hears, from a thread, what it says, and an alarm when it ends by itself.
    ``has_begun``: whether LabRecorder records, which it does some seconds after the start.
    """

    def __init__(
        self, folder: Path, name: RecordingName, tell: Callable[[str], None], wait_for: str = ""
    ) -> None:
        self._tell = tell
        self._is_over = Event()
        self.has_begun = False
        self._logs = tempfile.TemporaryDirectory(prefix="rt-ner-record-")
        arguments = ["record", str(folder), *name.options(), "--wait-for", wait_for]
        self._process = ChildProcess(
            [*arguments, "--until-told"], Path(self._logs.name) / "record.log"
        )
        self._watcher = Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def has_ended(self) -> bool:
        """Whether it records no more."""
        return self._process.has_ended()

    def close(self) -> None:
        """End the recording; its file is whole when this returns."""
        self._is_over.set()
        try:
            with suppress(BrokenPipeError):
                self._process.order("stop")
            self._process.wait(_END_S)
        finally:
            self._process.end()
            self._watcher.join()
            self._logs.cleanup()

    def _watch(self) -> None:
        n_told = 0
        while True:
            has_ended = self._process.has_ended()
            said = self._process.said()
            for line in said[n_told:]:
                self.has_begun |= BEGUN in line
                self._tell(f"recorder: {line}")
            n_told = len(said)
            if has_ended:
                break
            self._is_over.wait(_POLL_S)
        if not self._is_over.is_set():
            self._tell("ALARM: the recorder has ended, nothing is recorded; decoding goes on")
