"""Keep what happens to the parts of a rig, in a file beside the day's recordings."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from pydantic import AwareDatetime, ValidationError

from rt_ner.core.atomic_files import place_of
from rt_ner.core.errors import SessionError
from rt_ner.core.settings import Settings


class Happened(StrEnum):
    """Kind of event.

    Attributes
    ----------
    STARTED, ENDED
        A part was started, or ended as it should.
    DIED
        A part ended in failure.
    FROZEN
        A part, or the whole computer, stood still.
    GONE
        A stream, a network or the disk of the recordings was there no more.
    FULL
        The disk of the recordings was full.
    STRANGER
        Spikes appeared that are none of the rig's, or a stream under a name of the rig's.
    STEPPED
        The computer's clock was set.
    BACK
        The end of a trouble.

    """

    STARTED = "started"
    ENDED = "ended"
    DIED = "died"
    FROZEN = "frozen"
    GONE = "gone"
    FULL = "full"
    STRANGER = "stranger"
    STEPPED = "stepped"
    BACK = "back"

    @property
    def is_trouble(self) -> bool:
        """True unless all is well with it."""
        return self not in (Happened.STARTED, Happened.ENDED, Happened.BACK)


# Kind of event, whom it befell, and the event in words.
Noticed: TypeAlias = tuple[Happened, str, str]


class RigEvent(Settings):
    """An event of a rig.

    Attributes
    ----------
    kind
        Kind of event.
    of
        The part that it befell, or ``rig``, ``clock``, ``network``, ``recordings``.
    text
        The event in words.
    time_ns
        Its time on the local LSL clock, that of recordings.
    at
        Its time by the computer's clock, with its offset from UTC. That clock may be set.
    recording
        Name of the last recording that had begun; empty: none yet.

    """

    kind: Happened
    of: str
    text: str
    time_ns: int
    at: AwareDatetime
    recording: str = ""


class RigEventFile:
    """A file of events that grows.

    What can't be written, because the disk is full or its drive was pulled, is written later.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: list[bytes] = []
        self._n_written = 0
        self._place = place_of(path)

    def add(self, event: RigEvent) -> None:
        """Add an event."""
        self._lines.append(event.model_dump_json().encode() + b"\n")
        self.write()

    def write(self) -> None:
        """Write all that is not in the file yet, if the disk takes it."""
        place = place_of(self._path)
        if place == self._place and self._n_written == len(self._lines):
            return
        with suppress(OSError):
            missing = self._lines[self._n_written :]
            if place != self._place:
                # Another file is in its place, or the first one is back.
                there = self._path.read_bytes().splitlines(keepends=True) if place else []
                missing = [line for line in self._lines if line not in there]
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if _append(self._path, b"".join(missing)):
                self._n_written, self._place = len(self._lines), place_of(self._path)


def read_rig_events(path: Path) -> tuple[list[RigEvent], int]:
    """Return the events in a file, oldest first, and the number of lines that can't be read.

    Raises
    ------
    SessionError
        If the file can't be read.

    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise SessionError(f"{path} can't be read: {error}; check who may read it") from error
    events = list(_parsed(lines))
    return events, len(lines) - len(events)


def now_here() -> datetime:
    """Return the present by the computer's clock, with its offset from UTC."""
    return datetime.now().astimezone()


def _append(path: Path, content: bytes) -> bool:
    """Append to a file all or nothing, for a line that is cut off would spoil the next one."""
    with path.open("ab", buffering=0) as file:
        size = file.seek(0, 2)
        is_whole = file.write(content) == len(content)
        if not is_whole:
            file.truncate(size)
    return is_whole


def _parsed(lines: list[bytes]) -> Iterator[RigEvent]:
    for line in lines:
        with suppress(ValidationError):
            yield RigEvent.model_validate_json(line)
