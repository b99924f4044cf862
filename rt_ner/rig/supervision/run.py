"""Run a plan on this computer: watch over its parts until it is over, then end them all."""

import time
from contextlib import nullcontext, suppress
from pathlib import Path
from threading import Event

from rt_ner.core.errors import ConfigError, RtNerError
from rt_ner.live.operator.keyboard import KEYS, listen_to_keyboard
from rt_ner.record.rig_events import Happened
from rt_ner.rig.file.layout import Rig
from rt_ner.rig.links.network import Network
from rt_ner.rig.links.page_link import PageLink
from rt_ner.rig.links.relay import Relay
from rt_ner.rig.links.tail import LogTail
from rt_ner.rig.links.teller import RigTeller
from rt_ner.rig.plan.orders import Order
from rt_ner.rig.plan.part import DECODER, PAGE, RECORDER, Part, Plan
from rt_ner.rig.plan.steps import Step
from rt_ner.rig.supervision.process import Process, TakenOver, log_of, started
from rt_ner.rig.supervision.state_file import (
    PartState,
    RigState,
    read_state,
    state_of,
    write_state,
)
from rt_ner.rig.supervision.supervisor import Status, Supervisor
from rt_ner.rig.troubles.clock import RIG
from rt_ner.rig.troubles.watch import TroubleWatch
from rt_ner.system.processes import event_log_of, events_in

_LOOK_S = 0.1
_END_S = 10.0
# Keys of the rig besides those of the decoder; q ends all, not the decoder alone.
_KEYS: dict[str, str] = {**KEYS, "s": Order.START, "q": Order.QUIT}
_SHOWN = "keys: " + " ".join(f"[{key}] {meaning}" for key, meaning in _KEYS.items())
# Orders in place of what runs.
_INSTEAD = (Order.LOOP, Order.REST, *Step)


def unwatched_state(rig: Rig) -> RigState | None:
    """Return what an earlier run left; ConfigError if one runs still."""
    state = read_state(rig.state_file)
    if state and state.is_watched:
        raise ConfigError(
            f"this rig is up already (process {state.pid}): rt-ner rig status shows it; end it "
            "with Ctrl-C in its terminal"
        )
    return state


class RigRun:
    """A plan that runs.

    Parameters
    ----------
    rig, plan
        The rig and the plan.
    tell
        Called with one line on each change.
    page
        The link to the rig's page, if the plan has one.

    Attributes
    ----------
    supervisor
        The parts; it keeps them when the plan is over.
    ordered
        The order that ended the plan, to be carried out in its place; empty: none.

    """

    def __init__(self, rig: Rig, plan: Plan, tell: RigTeller, page: PageLink | None = None) -> None:
        self._rig = rig
        self._plan = plan
        self._tell = tell
        # An earlier plan's recording is over.
        self._tell.recording = ""
        self._network = Network()
        self._tails: dict[int, LogTail] = {}
        self._written: RigState | None = None
        self._has_keyboard = False
        self._is_better = Event()
        self._page = page
        self.ordered = ""
        self.supervisor = Supervisor(plan.parts, self._start, self._network.answering, tell)

    def run(self, stop: Event, earlier: RigState | None) -> None:
        """Run until ``stop``, or until the plan is over; nothing but a page is left running.

        Parameters
        ----------
        stop
            The event that ends all.
        earlier
            What an earlier run left: its parts are taken over, or ended if they are not wanted.

        """
        over, kept = Event(), ""
        if self._page and self._page.member:
            self.supervisor.adopt(self._page.member)
        relay = Relay(self._plan, over, self._tell) if self._plan.commands else None
        try:
            if earlier:
                self._take_over_all(earlier)
            with (
                listen_to_keyboard(lambda key: self._obey(key, stop, relay), _KEYS)
                if self._plan.commands
                else nullcontext(False) as self._has_keyboard,
                TroubleWatch(self._rig, self._plan, self._pids, self._note),
            ):
                if self._has_keyboard:
                    self._tell(_SHOWN)
                while not (stop.is_set() or self._is_over()):
                    if self._is_better.is_set():
                        self._is_better.clear()
                        self.supervisor.hurry()
                    self.supervisor.step(time.monotonic())
                    self._look()
                    for order in self._page.orders() if self._page else ():
                        self._obey(order, stop, relay)
                    stop.wait(_LOOK_S)
            kept = PAGE if self._page and not stop.is_set() else ""
        finally:
            self.supervisor.stop(kept)
            self._look()
            over.set()
            if self._page:
                self._page.member = self.supervisor.member(PAGE)
            if not kept:
                with suppress(OSError):
                    self._rig.state_file.unlink(missing_ok=True)

    def _start(self, part: Part) -> Process:
        process = started(part, self._rig.logs)
        if self._page and part.name == PAGE:
            self._page.greet(process)
        return process

    def _obey(self, key: str, stop: Event, relay: Relay | None) -> None:
        if key == Order.QUIT:
            stop.set()
        elif key == Order.START:
            self.supervisor.start_again()
        elif key in _INSTEAD:
            self.ordered = key
        elif relay:
            relay.send(key)

    def _is_over(self) -> bool:
        """Return True if the part that ends the plan has ended, or nobody can start it again."""
        if self.ordered:
            return True
        last = self.supervisor.member(self._plan.ends_with)
        if last is None:
            return False
        failed = [each for each in self.supervisor.members if each.status is Status.FAILED]
        can_be_told = self._has_keyboard or self._page is not None
        is_hopeless = bool(failed) and (not can_be_told or last.part.restart == "never")
        return last.status is Status.DONE or is_hopeless

    def _take_over_all(self, earlier: RigState) -> None:
        """Go on with what an earlier run left running."""
        running = {part.name for part in earlier.parts if part.runs}
        if RECORDER in running:
            begun = events_in(event_log_of(log_of(self._rig.logs, RECORDER)), "recording")
            self._tell.recording = Path(begun[-1]["file"]).name if begun else ""
        if running:
            self._tell.note(
                Happened.DIED,
                RIG,
                f"rt-ner rig up (process {earlier.pid}) had ended without its parts, which ran on "
                "unwatched until now",
            )
        for part in earlier.parts:
            self._take_over(part)

    def _take_over(self, state: PartState) -> None:
        """Go on with a part that runs already, or end it if the plan has no such part."""
        if not (state.runs and state.pid):
            return
        process = TakenOver(state.pid, state.identity, log_of(self._rig.logs, state.name))
        member = self.supervisor.member(state.name)
        is_same = member is not None and member.part.arguments == state.arguments
        # A page knows its token from the process that started it, which is gone.
        if member and state.name != PAGE and (is_same or state.name == DECODER):
            self._tails[state.pid] = LogTail(log_of(self._rig.logs, state.name), from_end=True)
            self.supervisor.take_over(state.name, process, time.monotonic())
            if not is_same:
                self._tell(
                    f"{state.name}: it runs with other settings than those of the file; for these, "
                    "end the rig and start it again"
                )
            return
        self._tell(f"{state.name}: ended, it was left running by an earlier start")
        process.interrupt()
        with suppress(RtNerError):
            process.wait(_END_S)
        process.end()

    def _look(self) -> None:
        """Show what the parts have said, and note how they are."""
        self._tell.keep_up()
        self._note_recording()
        for member in self.supervisor.members:
            if not (member.process and member.part.is_heard):
                continue
            log = log_of(self._rig.logs, member.part.name)
            tail = self._tails.setdefault(member.process.pid, LogTail(log))
            for line in tail.lines():
                self._tell(f"{member.part.name}: {line.strip()}")
        day = self._rig.settings.day
        state = state_of(self.supervisor.members, self._plan.commands, self._decoder_state(), day)
        if state != self._written:
            # A full disk must not end a session; the next look tries again.
            with suppress(OSError):
                write_state(self._rig.state_file, state)
                self._written = state

    def _decoder_state(self) -> str:
        return self._newest(DECODER, "state", "state")

    def _note_recording(self) -> None:
        """Take note of the recording that has begun: what happens from now on is of it."""
        if begun := self._newest(RECORDER, "recording", "file"):
            self._tell.recording = Path(begun).name

    def _newest(self, part: str, event: str, value: str) -> str:
        """Return a value of a running part's last event of a name; empty if there is none."""
        process = self._processes().get(part)
        told = process.events(event) if process else []
        return str(told[-1][value]) if told else ""

    def _note(self, kind: Happened, of: str, text: str) -> None:
        """Note a trouble or its end, after which nobody needs to wait any longer."""
        self._tell.note(kind, of, text)
        if kind is Happened.BACK:
            self._is_better.set()

    def _pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._processes().items()}

    def _processes(self) -> dict[str, Process]:
        """Return the processes of the parts that run, by name."""
        return {
            each.part.name: each.process
            for each in self.supervisor.members
            if each.process and each.status is Status.RUNNING
        }
