"""Run a rig or a step of its day: check, take over, run, and keep what came of it."""

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import Event
from typing import Any

from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.core.errors import ConfigError, RtNerError
from rt_ner.record.processes.report_process import write_report
from rt_ner.rig.checks.checks import findings_of
from rt_ner.rig.checks.page import page_findings
from rt_ner.rig.file.layout import BRAIN, Rig
from rt_ner.rig.links.network import Network
from rt_ner.rig.links.page_link import PageLink
from rt_ner.rig.links.teller import RigTeller
from rt_ner.rig.plan.orders import Order
from rt_ner.rig.plan.part import DECODER, PAGE, RECORDER, TASK, Plan
from rt_ner.rig.plan.parts import page_part
from rt_ner.rig.plan.plans import loop_plan
from rt_ner.rig.plan.steps import Step, bundle_of, plan_of, steps_of_day
from rt_ner.rig.supervision.run import RigRun, unwatched_state
from rt_ner.rig.supervision.state_file import RigState
from rt_ner.rig.supervision.supervisor import Member, Status

Tell = Callable[[str], None]
# The event in which a step's own command tells its result.
_RESULTS = {
    Step.TRAIN: "trained",
    Step.RECALIBRATE: "recalibrated",
    Step.SCORE: "evaluated",
}


class FindingsError(ConfigError):
    """All that is wrong with a rig: ``findings``, one line each."""

    def __init__(self, findings: Sequence[str]) -> None:
        super().__init__("; ".join(findings))
        self.findings = findings


@contextmanager
def open_session(rig: Rig, tell: Tell) -> Iterator["Session"]:
    """Open a session; at the end of the block, its page ends too.

    Parameters
    ----------
    rig
        The rig.
    tell
        Called with one line on each change.

    Yields
    ------
    Session
        The session; nothing has been started.

    Raises
    ------
    ConfigError
        If this rig is up already.

    """
    earlier = unwatched_state(rig)
    if earlier and rig.is_of_today and any(part.runs for part in earlier.parts):
        # It may have been started before midnight, and its bundles are of that day.
        rig = rig.on_day(earlier.day or rig.settings.day)
    session = Session(rig, RigTeller(tell, rig.logs, rig.events_file), earlier)
    try:
        yield session
    finally:
        session.end()


class Session:
    """Plans of a rig, one after the other, with one page beside them all if the file asks for it.

    Attributes
    ----------
    rig
        The rig.

    """

    def __init__(self, rig: Rig, tell: RigTeller, earlier: RigState | None) -> None:
        self.rig = rig
        self._tell = tell
        self._earlier = earlier
        self._running = tuple(part.name for part in earlier.parts if part.runs) if earlier else ()
        self._commands = _commands(earlier, self._running)
        self._page = PageLink(rig, tell) if rig.settings.page.enabled else None
        # The turns that the page may order in place of what runs.
        self._on_offer: tuple[str, ...] = ()
        self._ordered = ""

    def up(self, stop: Event) -> None:
        """Run the closed loop until ``stop``; with a page, also all that the page orders.

        A page without a bundle waits for an order. What is wrong with the first plan is raised;
        later it is told, and the page stays.
        """
        if self._page is None:
            self.run(Order.LOOP, stop)
            return
        self._on_offer = (Order.LOOP, *steps_of_day(self.rig))
        self._obey(Order.LOOP if self.rig.bundle() else Order.REST, stop)
        while not stop.is_set():
            try:
                self._obey(self._ordered or Order.REST, stop)
            except RtNerError as error:
                for line in getattr(error, "findings", [str(error)]):
                    self._tell(line)
                self._ordered = ""

    def end(self) -> None:
        """End the page."""
        if self._page and self._page.member:
            self._page.end()
            self.rig.state_file.unlink(missing_ok=True)

    def run(self, turn: Step | Order, stop: Event) -> dict[str, Any]:
        """Run a step until it is over, or the loop or nothing until ``stop``.

        Parameters
        ----------
        turn
            The step or order.
        stop
            The event that ends all; the page's Stop sets it too, if the page has no steps to offer.

        Returns
        -------
        dict[str, Any]
            What came of a step, such as the task's scores, by name.

        Raises
        ------
        FindingsError
            If something is wrong with the rig; nothing has been started.
        RtNerError
            If a step fails.

        """
        step = turn if isinstance(turn, Step) else None
        if findings := self._findings(turn):
            raise FindingsError(findings)
        plan = self._plan(turn)
        bundle = str(self.rig.bundle() or "")
        self._leave_out_old_orders()
        run = RigRun(self.rig, plan, self._tell, self._page)
        earlier, self._earlier, self._running = self._earlier, None, (PAGE,)
        run.run(stop, earlier)
        self._ordered = run.ordered
        if run.ordered and not self._on_offer:
            stop.set()
        try:
            _keep_scores(self.rig, step, bundle, run.supervisor.member(TASK))
        except OSError as error:
            self._tell(f"the block's scores can't be kept in {self.rig.blocks_file}: {error}")
        if run.supervisor.member(RECORDER):
            report_day(self.rig, self._tell)
        if step is None or run.ordered or stop.is_set():
            return {}
        return _result(step, plan, run)

    def _obey(self, order: str, stop: Event) -> None:
        """Carry out an order, and tell what came of it."""
        if order == Order.REST:
            self._tell("nothing runs: begin on the page; Ctrl-C ends all")
        result = self.run(Step(order) if order in list(Step) else Order(order), stop)
        if order in list(Step) and not (self._ordered or stop.is_set()):
            values = [
                f"{key} {value:.3g}" for key, value in result.items() if type(value) in (int, float)
            ]
            self._tell(f"{order}: done {', '.join(values)}".replace("_", " ").strip())

    def _leave_out_old_orders(self) -> None:
        """Forget what a page without steps ordered between two of them, when nothing ran."""
        orders = self._page.orders() if self._page and not self._on_offer else ()
        for order in orders:
            self._tell(f"{PAGE}: '{order}' came while nothing ran, and is left out")

    def _findings(self, turn: Step | Order) -> list[str]:
        if turn is Order.REST:
            return page_findings(self.rig.settings.page, self._running)
        step = turn if isinstance(turn, Step) else None
        return findings_of(self.rig, Network().settled(), self._running, step)

    def _plan(self, turn: Step | Order) -> Plan:
        if turn is Order.REST:
            plan = Plan(())
        elif isinstance(turn, Step):
            plan = plan_of(turn, self.rig, self._commands)
        else:
            plan = loop_plan(self.rig, bundle_of(self.rig), self._commands)
        return plan if self._page is None else self._with_page(plan)

    def _with_page(self, plan: Plan) -> Plan:
        """Return a plan with the rig's page, whose commands are passed on to the decoder."""
        control = f"{self._commands}-page"
        page = page_part(self.rig, self._on_offer, control)
        relayed = (*plan.relayed, source_id_of(control, Kind.COMMANDS)) if plan.commands else ()
        return replace(plan, parts=(page, *plan.parts), relayed=relayed)


def report_day(rig: Rig, tell: Tell) -> None:
    """Write the report on all recordings of the day so far."""
    name = rig.recording_name(BRAIN)
    if recordings := name.session_runs(rig.recordings):
        of_rig = ("--decoder", rig.settings.decoder.published_as, "--task", rig.settings.task.name)
        write_report(
            recordings, name.report_path(rig.recordings), tell, *of_rig, in_background=False
        )


def _commands(earlier: RigState | None, running: Sequence[str]) -> str:
    """Return the name for the operator's commands: that which a running decoder obeys already."""
    if earlier and DECODER in running and earlier.commands:
        return earlier.commands
    return f"rig-{uuid.uuid4().hex}"


def _result(step: Step, plan: Plan, run: RigRun) -> dict[str, Any]:
    """Return what a step's last part told; RtNerError if the step failed."""
    failed = [each for each in run.supervisor.members if each.status is Status.FAILED]
    last = run.supervisor.member(plan.ends_with)
    told = last.process.events(_RESULTS.get(step, "scores")) if last and last.process else []
    if failed or (step in _RESULTS and not told):
        names = ", ".join(each.part.name for each in failed) or str(step)
        told_by = failed or [each for each in run.supervisor.members if each is last]
        words = [each.process.last_words() for each in told_by if each.process]
        raise RtNerError(f"the step '{step}' failed in {names}: {'; '.join(words)}")
    return told[-1] if told else {}


def _keep_scores(rig: Rig, step: Step | None, bundle: str, task: Member | None) -> None:
    """Add the task's scores to the file of the day's blocks."""
    if task is None or task.process is None:
        return
    for scores in task.process.events("scores")[-1:]:
        of = Step.CALIBRATE if step is Step.CALIBRATE else Step.DECODE
        moved_by = "the hand" if step is Step.CALIBRATE else bundle
        rig.blocks_file.parent.mkdir(parents=True, exist_ok=True)
        with rig.blocks_file.open("a", encoding="utf-8") as blocks:
            blocks.write(json.dumps({"step": of, "moved_by": moved_by, **scores}) + "\n")
