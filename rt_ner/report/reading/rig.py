"""Read what happened to the parts of the rig, from the file beside the recordings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rt_ner.record.naming import RecordingName
from rt_ner.record.rig_events import RigEvent, read_rig_events

OnSessionClock = Callable[[Sequence[int]], Sequence[int | None]]


@dataclass(frozen=True)
class RigHistory:
    """The events of a rig during a recording.

    Attributes
    ----------
    events
        Each event with its time in ns on the session's clock; None if that is not known.
    damage
        A line on what can't be read.

    """

    events: tuple[tuple[int | None, RigEvent], ...] = ()
    damage: tuple[str, ...] = ()

    @property
    def troubles(self) -> list[tuple[int | None, RigEvent]]:
        """The events that are troubles."""
        return [(time_ns, event) for time_ns, event in self.events if event.kind.is_trouble]


def read_rig(recording: Path, on_session_clock: OnSessionClock) -> RigHistory:
    """Return what happened to the rig from a recording's begin until the next one began.

    Parameters
    ----------
    recording
        The recording.
    on_session_clock
        Returns times of the local LSL clock, in ns, on the session's clock.

    Returns
    -------
    RigHistory
        The events; none if no rig recorded.

    Raises
    ------
    SessionError
        If the file of events can't be read.

    """
    file = events_file_of(recording)
    if file is None:
        return RigHistory()
    events, n_unreadable = read_rig_events(file)
    own = [event for event in events if event.recording == recording.name]
    times_ns = on_session_clock([event.time_ns for event in own])
    damage = f"{n_unreadable} lines of {file.name} can't be read"
    return RigHistory(tuple(zip(times_ns, own, strict=True)), (damage,) if n_unreadable else ())


def events_outside(recordings: Sequence[Path]) -> list[RigEvent]:
    """Return what happened to the rig on the days of some recordings, but during none there is."""
    files = dict.fromkeys(events_file_of(each) for each in recordings)
    return [
        event
        for file in files
        if file is not None
        for event in read_rig_events(file)[0]
        if not (file.parent / event.recording).is_file()
    ]


def events_file_of(recording: Path) -> Path | None:
    """Return the file of what happened to the rig; None if the recording is none of a rig's."""
    name = RecordingName.of_file(recording)
    return name.rig_events_beside(recording) if name else None
