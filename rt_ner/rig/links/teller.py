"""Tell the operator what a rig does, and keep it in a log and in the file of events."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import RLock

from rt_ner.lsl.streams import local_now_ns
from rt_ner.record.rig_events import Happened, RigEvent, RigEventFile, now_here
from rt_ner.rig.supervision.process import log_of, rotate

RIG_LOG = "rig"


class RigTeller:
    """Tells each line on the terminal, and writes it with its time to the rig's log.

    Parameters
    ----------
    show
        Shows a line on the terminal alone, such as a secret.
    logs
        Folder of the log.
    events
        File of the day's events.

    Attributes
    ----------
    recording
        Name of the last recording that has begun; empty: none yet.

    """

    def __init__(self, show: Callable[[str], None], logs: Path, events: Path) -> None:
        self.show = show
        self.recording = ""
        self._log = log_of(logs, RIG_LOG)
        self._events = RigEventFile(events)
        # The watch for troubles tells from a thread of its own.
        self._turn = RLock()
        # A full disk must not end a session.
        with suppress(OSError):
            logs.mkdir(parents=True, exist_ok=True)
            rotate(self._log)

    def __call__(self, text: str) -> None:
        """Tell a line."""
        with self._turn:
            self.show(text)
            with suppress(OSError), self._log.open("a", encoding="utf-8") as log:
                log.write(f"{now_here().isoformat(' ', 'seconds')} {text}\n")

    def note(self, kind: Happened, of: str, text: str) -> None:
        """Tell what happened to a part, and keep it among the day's events."""
        at, time_ns = now_here(), local_now_ns()
        with self._turn:
            self(f"{of}: {text}")
            self._events.add(
                RigEvent(
                    kind=kind, of=of, text=text, time_ns=time_ns, at=at, recording=self.recording
                )
            )

    def keep_up(self) -> None:
        """Write the events that could not be written before, such as on a full disk."""
        with self._turn:
            self._events.write()
