"""Run `rt-ner record` in a process of its own, beside another command."""

import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

from rt_ner.record.naming import RecordingName
from rt_ner.system.processes import ChildProcess

# Time until the operator hears of news, and the longest time to close the file.
_POLL_S, _END_S = 0.2, 30.0


class RecorderChild:
    """Records all streams into ``folder``, once the stream ``wait_for`` is there, until closed.

    When the file is complete, the process writes the session report, and ends.

    ``tell`` is called from a thread with what the recorder reports, and with an alarm if it ends
    by itself. ``has_begun`` is True once it records, some seconds after the start.
    """

    def __init__(
        self, folder: Path, name: RecordingName, tell: Callable[[str], None], wait_for: str = ""
    ) -> None:
        self._tell = tell
        self._is_over, self._pause = Event(), Event()
        self.has_begun = False
        self._logs = tempfile.TemporaryDirectory(prefix="rt-ner-record-")
        arguments = ["record", str(folder), *name.options(), "--wait-for", wait_for]
        self._process = ChildProcess(
            [*arguments, "--until-told"], Path(self._logs.name) / "record.log"
        )
        self._watcher = Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def has_ended(self) -> bool:
        """Return True if the recorder has ended."""
        return self._process.has_ended()

    def close(self) -> None:
        """End the recording; its file is complete and its report is written when this returns.

        No decoder runs any more.
        """
        self._end(alone=True)
        self._watcher.join()

    def end_recording(self) -> None:
        """End the recording; its file is complete when this returns, its report not yet."""
        self._end(alone=False)

    def _end(self, alone: bool) -> None:
        self._is_over.set()
        # It may have ended, and its pipe may be closed.
        with suppress(BrokenPipeError, ValueError):
            self._process.order("stop", alone=alone)
        deadline_s = time.monotonic() + _END_S
        while not (self._process.has_ended() or self._process.events("recorded")):
            if time.monotonic() > deadline_s:
                self._process.end()
            self._pause.wait(_POLL_S)

    def _watch(self) -> None:
        """Pass news on until the process ends."""
        n_told = 0
        while True:
            has_ended = self._process.has_ended()
            self.has_begun = bool(self._process.events("recording"))
            lines = self._process.log_lines()
            for line in lines[n_told:]:
                self._tell(f"recorder: {line}")
            n_told = len(lines)
            if has_ended:
                break
            self._pause.wait(_POLL_S)
        self._process.end()
        self._logs.cleanup()
        if not self._is_over.is_set():
            self._tell("ALARM: the recorder has ended, nothing is recorded; decoding continues")
