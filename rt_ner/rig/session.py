"""Run a rig or a step of its day: check, take over, run, and keep what came of it."""

import json
import uuid
from collections.abc import Callable, Sequence
from threading import Event
from typing import Any

from rt_ner.core.errors import ConfigError, RtNerError
from rt_ner.record.processes.report_process import write_report
from rt_ner.rig.checks.checks import findings_of
from rt_ner.rig.file.layout import BRAIN, Rig
from rt_ner.rig.links.network import Network
from rt_ner.rig.plan.part import DECODER, RECORDER, TASK, Plan
from rt_ner.rig.plan.plans import loop_plan
from rt_ner.rig.plan.steps import Step, bundle_of, plan_of
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


def run_rig(rig: Rig, stop: Event, tell: Tell, step: Step | None = None) -> dict[str, Any]:
    """Run the whole rig until ``stop``, or a step of the day until it is over.

    Parameters
    ----------
    rig
        The rig.
    stop
        The event that ends all.
    tell
        Called with one line on each change.
    step
        The step; None: the closed loop, until ``stop``.

    Returns
    -------
    dict[str, Any]
        What came of it, such as the task's scores, by name.

    Raises
    ------
    FindingsError
        If something is wrong with it; nothing has been started.
    ConfigError
        If this rig is up already.
    RtNerError
        If a step fails.

    """
    earlier = unwatched_state(rig)
    running = tuple(part.name for part in earlier.parts if part.runs) if earlier else ()
    if findings := findings_of(rig, Network().settled(), running, step):
        raise FindingsError(findings)
    plan = _plan(rig, step, _commands(earlier, running))
    bundle = str(rig.bundle() or "")
    run = RigRun(rig, plan, tell)
    run.run(stop, earlier)
    _keep_scores(rig, step, bundle, run.supervisor.member(TASK))
    if run.supervisor.member(RECORDER):
        report_day(rig, tell)
    return {} if step is None or stop.is_set() else _result(step, plan, run)


def report_day(rig: Rig, tell: Tell) -> None:
    """Write the report on all recordings of the day so far."""
    name = rig.recording_name(BRAIN)
    if recordings := name.session_runs(rig.recordings):
        of_rig = ("--decoder", rig.settings.decoder.published_as, "--task", rig.settings.task.name)
        write_report(
            recordings, name.report_path(rig.recordings), tell, *of_rig, in_background=False
        )


def _plan(rig: Rig, step: Step | None, commands: str) -> Plan:
    return plan_of(step, rig, commands) if step else loop_plan(rig, bundle_of(rig), commands)


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
