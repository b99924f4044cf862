"""Start parts in order, each when what it needs is there; start again what fails; end all.

Nothing here waits or looks at a clock, a network or a process by itself: all is handed in.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from rt_ner.core.errors import RtNerError
from rt_ner.record.rig_events import Happened
from rt_ner.rig.plan.part import DECODER, RECORDER, Part
from rt_ner.rig.supervision.process import Process, end_group
from rt_ner.system.processes import TOO_BUSY

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 30.0
# The longest time that a part gets to end by itself: a recorder closes its file.
_END_S = {DECODER: 5.0, RECORDER: 30.0}
_OTHERS_END_S = 10.0


class Status(StrEnum):
    """Status of a part.

    Attributes
    ----------
    WAITING
        It waits for what it needs, or for its turn.
    RUNNING
        Its process runs.
    PAUSING
        It failed, and is started again after a pause.
    FAILED
        It failed, and is started again when the operator says so.
    DONE
        It has ended by itself, without an error.

    """

    WAITING = "waiting"
    RUNNING = "running"
    PAUSING = "pausing"
    FAILED = "failed"
    DONE = "done"


@dataclass
class Member:
    """A part under supervision, with its process once it was started."""

    part: Part
    status: Status = Status.WAITING
    process: Process | None = None
    restarts: int = 0
    n_failures: int = 0
    since_s: float = 0.0
    missing: tuple[str, ...] = field(default=(), repr=False)


class Teller(Protocol):
    """Tells the operator what happens."""

    def __call__(self, text: str) -> None:
        """Tell a line."""

    def note(self, kind: Happened, of: str, text: str) -> None:
        """Tell what happened to a part, and keep it."""


class Supervisor:
    """Parts in the order of their start.

    Parameters
    ----------
    parts
        The parts.
    start
        Starts a part's process.
    answering
        Returns which of some streams, by source_id, are there and answer.
    tell
        Tells each change.

    """

    def __init__(
        self,
        parts: Iterable[Part],
        start: Callable[[Part], Process],
        answering: Callable[[Collection[str]], Collection[str]],
        tell: Teller,
    ) -> None:
        self.members = [Member(part) for part in parts]
        self._start = start
        self._answering = answering
        self._tell = tell

    def member(self, name: str) -> Member | None:
        """Return the part of this name, if there is one."""
        return next((each for each in self.members if each.part.name == name), None)

    def take_over(self, name: str, process: Process, now_s: float) -> None:
        """Go on with a process that runs already."""
        member = self.member(name)
        assert member
        member.process, member.status, member.since_s = process, Status.RUNNING, now_s
        self._tell.note(Happened.BACK, name, f"taken over, it was running (process {process.pid})")

    def adopt(self, member: Member) -> None:
        """Go on with a part of an earlier plan that runs on."""
        self.members = [
            member if each.part.name == member.part.name else each for each in self.members
        ]

    def step(self, now_s: float) -> None:
        """Do all that is due: see what has ended, and start what can start."""
        for member in self.members:
            if member.status is Status.RUNNING and member.process and member.process.has_ended():
                self._ended(member, member.process, now_s)
            if member.status is Status.PAUSING and now_s >= member.since_s:
                member.status = Status.WAITING
        for member in self.members:
            is_kept = member.status is Status.WAITING and not self._begin(member, now_s)
            # Those behind it have their turn once it was started.
            if is_kept and member.process is None:
                return

    def start_again(self) -> None:
        """Start again all that has ended, as the operator's word."""
        for member in self.members:
            if member.status in (Status.FAILED, Status.DONE, Status.PAUSING):
                member.status, member.n_failures = Status.WAITING, 0

    def hurry(self) -> None:
        """Start again at once all that waits for its pause to be over."""
        for member in self.members:
            if member.status is Status.PAUSING:
                member.status = Status.WAITING

    def stop(self, kept: str = "") -> None:
        """End all parts: the decoder first, then the recorder, then the others together.

        The part called ``kept`` runs on.
        """
        running = [
            member
            for member in self.members
            if member.status is Status.RUNNING and member.part.name != kept
        ]
        first = [each for each in running if each.part.name in _END_S]
        for member in sorted(first, key=lambda each: list(_END_S).index(each.part.name)):
            self._end([member])
        self._end([member for member in reversed(running) if member not in first])

    def _begin(self, member: Member, now_s: float) -> bool:
        """Start a part if all that it needs is there; say once what is missing."""
        needs = member.part.needs
        there = self._answering(needs) if needs else ()
        missing = tuple(need for need in needs if need not in there)
        if missing:
            if missing != member.missing:
                self._tell(f"{member.part.name}: waits for {', '.join(missing)}")
            member.missing = missing
            return False
        member.missing = ()
        try:
            process = self._start(member.part)
        except OSError as error:
            # Its log can't be written: the disk is full, or gone.
            self._failed(member, f"can't be started ({error})", now_s)
            return False
        member.restarts += member.process is not None
        member.process, member.status, member.since_s = process, Status.RUNNING, now_s
        self._tell.note(Happened.STARTED, member.part.name, f"started (process {process.pid})")
        return True

    def _ended(self, member: Member, process: Process, now_s: float) -> None:
        name, code = member.part.name, process.wait(1.0)
        process.end()
        end_group(process.pid)
        if code in member.part.allowed:
            member.status = Status.DONE
            self._tell.note(Happened.ENDED, name, "done")
            return
        how = "has ended" if code is None else f"has ended with code {code}"
        self._failed(member, f"{how} ({process.last_words()})", now_s)

    def _failed(self, member: Member, said: str, now_s: float) -> None:
        """Let a part that failed start again after a pause, or with the operator's word."""
        name = member.part.name
        if member.part.restart != "always":
            member.status = Status.FAILED
            hint = "; press s to start it again" if member.part.restart == "ask" else ""
            self._tell.note(Happened.DIED, name, f"{said}{hint}")
            return
        lasted = now_s - member.since_s > _LONGEST_PAUSE_S
        member.n_failures = 1 if lasted else member.n_failures + 1
        pause_s = min(_FIRST_PAUSE_S * 2 ** (member.n_failures - 1), _LONGEST_PAUSE_S)
        member.status, member.since_s = Status.PAUSING, now_s + pause_s
        self._tell.note(Happened.DIED, name, f"{said}; starts again in {pause_s:g} s")

    def _end(self, members: list[Member]) -> None:
        """Interrupt some parts, and make sure that they are gone."""
        processes = [(each, each.process) for each in members if each.process]
        for _, process in processes:
            process.interrupt()
        for member, process in processes:
            longest_s = _END_S.get(member.part.name, _OTHERS_END_S)
            try:
                process.wait(longest_s)
                said = "ended"
            except RtNerError:
                said = f"did not end within {longest_s:g} s, killed; {TOO_BUSY}"
            self._tell.note(Happened.ENDED, member.part.name, said)
            process.end()
            end_group(process.pid)
            member.status = Status.DONE
