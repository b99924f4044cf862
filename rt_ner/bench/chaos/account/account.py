"""Compare the faults that were done with the troubles that the report tells of."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from rt_ner.core.clock import NS_PER_S
from rt_ner.core.errors import SessionError
from rt_ner.live.states import State
from rt_ner.record.rig_events import read_rig_events
from rt_ner.report.reading.rig import events_file_of
from rt_ner.report.reading.session import read_session

# States of the decoder in which something is wrong, as the report shows them.
_ODD_STATES = (State.STALE, State.FAULT)
STATE = "decoder's state"
# A rig looks a few times a second. What follows from a fault may last a little longer than it.
_BEFORE_NS, _AFTER_NS = NS_PER_S // 2, 2 * NS_PER_S


@dataclass(frozen=True)
class Trouble:
    """A trouble that the report tells of: when on the LSL clock, whom it befell, and its kind."""

    time_ns: int
    of: str
    kind: str
    text: str


@dataclass(frozen=True)
class Cause:
    """A fault that was done, and how the report must tell of it.

    Attributes
    ----------
    begin_ns, end_ns
        Its begin, and the time at which all was well again, on the LSL clock.
    of, kind
        Whom it befell, and the kind of event; an empty kind if it was refused at the door.
    befalls_all
        True if any part may suffer from it.

    """

    begin_ns: int
    end_ns: int
    of: str
    kind: str
    befalls_all: bool

    def covers(self, time_ns: int) -> bool:
        """Return True if a time is that of the fault or of what followed from it."""
        return self.begin_ns - _BEFORE_NS <= time_ns <= self.end_ns + _AFTER_NS

    def is_in(self, troubles: Sequence[Trouble]) -> bool:
        """Return True if the fault is told among some troubles."""
        told = [one for one in troubles if (one.of, one.kind) == (self.of, self.kind)]
        return not self.kind or any(self.covers(one.time_ns) for one in told)

    def explains(self, trouble: Trouble, parts: Collection[str]) -> bool:
        """Return True if a trouble may have followed from it: one part's are not another's."""
        is_own = self.befalls_all or trouble.of == self.of or trouble.of not in parts
        return is_own and self.covers(trouble.time_ns)


def told_troubles(recordings: Sequence[Path]) -> list[Trouble]:
    """Return the troubles that the report on a day's recordings tells of."""
    files = {file for each in recordings if (file := events_file_of(each))}
    events = [event for file in files for event in read_rig_events(file)[0]]
    troubles = [
        Trouble(event.time_ns, event.of, event.kind, event.text)
        for event in events
        if event.kind.is_trouble
    ]
    for recording in recordings:
        troubles += _of_decoder(recording)
    return sorted(troubles, key=lambda one: one.time_ns)


def unexplained(
    troubles: Sequence[Trouble], causes: Sequence[Cause], parts: Collection[str]
) -> list[Trouble]:
    """Return the troubles that follow from no fault."""
    return [one for one in troubles if not any(cause.explains(one, parts) for cause in causes)]


def _of_decoder(recording: Path) -> list[Trouble]:
    """Return when a recorded decoder fell into a state in which something is wrong."""
    try:
        stays = read_session(recording).stays
    except SessionError:
        # The report says that it leaves it out.
        return []
    odd = [stay for stay in stays if stay.state in _ODD_STATES]
    return [Trouble(stay.begin_ns, STATE, stay.state, f"{stay.length_s:.1f} s") for stay in odd]
