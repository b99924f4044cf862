"""Define the steps of a day, each a plan of existing commands, with paths from animal and day."""

from enum import StrEnum
from pathlib import Path

from rt_ner.core.errors import ConfigError
from rt_ner.rig.file.layout import BRAIN, CALIBRATION, Rig
from rt_ner.rig.file.settings import SourceKind
from rt_ner.rig.plan.part import Part, Plan
from rt_ner.rig.plan.plans import block_end, calibration_plan, loop_plan


class Step(StrEnum):
    """A step of a day.

    Attributes
    ----------
    CALIBRATE
        The subject reaches with its hand, and all is recorded.
    TRAIN
        A bundle is trained on the newest calibration.
    DECODE
        A block in the closed loop is recorded.
    RECALIBRATE
        The bundle learns from the newest block, and is replaced if the new one is better.
    SCORE
        The bundle is scored on the newest calibration, and the task's scores are listed.

    """

    CALIBRATE = "calibrate"
    TRAIN = "train"
    DECODE = "decode"
    RECALIBRATE = "recalibrate"
    SCORE = "score"


def steps_of_day(rig: Rig) -> tuple[Step, ...]:
    """Return the steps of a whole day: a replay was recorded before, and obeys no decoder."""
    if rig.settings.source.kind is SourceKind.REPLAY:
        return (Step.TRAIN, Step.DECODE, Step.SCORE)
    return (
        Step.CALIBRATE,
        Step.TRAIN,
        Step.DECODE,
        Step.RECALIBRATE,
        Step.DECODE,
        Step.SCORE,
    )


def steps_before_loop(rig: Rig) -> tuple[Step, ...]:
    """Return the steps that must come before the first closed loop, if they need nobody.

    A simulated subject without a bundle is calibrated, and a bundle trained; any other rig, and one
    that is ordered about in a browser, waits for its operator.
    """
    settings = rig.settings
    is_simulated = settings.source.kind is SourceKind.SUBJECT and not settings.page.enabled
    return (Step.CALIBRATE, Step.TRAIN) if is_simulated and rig.bundle() is None else ()


def plan_of(step: Step, rig: Rig, commands: str) -> Plan:
    """Return the plan of a step.

    Parameters
    ----------
    step
        The step.
    rig
        The rig.
    commands
        Name under which the operator's commands to the decoder are sent.

    Returns
    -------
    Plan
        The parts of the step, and which of them ends it.

    Raises
    ------
    ConfigError
        If what an earlier step makes is not there.

    """
    if step is Step.CALIBRATE:
        if rig.settings.source.kind is SourceKind.REPLAY:
            raise ConfigError("a replay is recorded already: go on with rt-ner rig run train")
        return calibration_plan(rig)
    if step is Step.DECODE:
        plan = loop_plan(rig, bundle_of(rig), commands)
        return Plan(plan.parts, block_end(rig), plan.commands, plan.relayed)
    arguments, allowed = {
        Step.TRAIN: _train,
        Step.RECALIBRATE: _recalibrate,
        Step.SCORE: _score,
    }[step](rig)
    part = Part(step, tuple(arguments), restart="never", is_heard=True, allowed=allowed)
    return Plan((part,), step)


def bundle_of(rig: Rig) -> Path:
    """Return the bundle to decode with; ConfigError if there is none yet."""
    if found := rig.bundle():
        return found
    raise ConfigError(
        f"no bundle in {rig.bundles}: train one with rt-ner rig run calibrate and rt-ner rig run "
        f"train (rt-ner rig day does all), name one under [decoder]{_or_other_day(rig.bundles)}"
    )


def session_of(rig: Rig) -> Path:
    """Return the recording to train on; ConfigError if there is none yet."""
    source = rig.settings.source
    if source.kind is SourceKind.REPLAY:
        return rig.at(source.session)
    return _recorded(rig, CALIBRATION, Step.CALIBRATE)


def _recorded(rig: Rig, task: str, step: Step) -> Path:
    if found := rig.newest(task):
        return found
    raise ConfigError(
        f"no recording of {task} of {rig.settings.animal} on {rig.settings.day} in "
        f"{rig.recordings}: make one with rt-ner rig run {step}"
        f"{_or_other_day(rig.events_file.parent)}"
    )


def _or_other_day(folder: Path) -> str:
    """Return how to go on with the newest other day of a folder, such as that before midnight."""
    days = [each.name.removeprefix("ses-") for each in folder.parent.glob("ses-*")]
    others = sorted(day for day in days if f"ses-{day}" != folder.name)
    return f', or go on with an earlier day: day = "{others[-1]}"' if others else ""


def _train(rig: Rig) -> tuple[list[str], tuple[int, ...]]:
    learning = rig.settings.learning
    arguments = ["train", str(session_of(rig)), "--out", str(rig.next_bundle()), *_area(rig)]
    arguments += ["--config", str(rig.at(learning.config))] if learning.config else []
    return [*arguments, *learning.train_options], (0,)


def _recalibrate(rig: Rig) -> tuple[list[str], tuple[int, ...]]:
    learning, block = rig.settings.learning, _recorded(rig, BRAIN, Step.DECODE)
    arguments = ["recalibrate", str(bundle_of(rig)), "--out", str(rig.next_bundle())]
    arguments += ["--block", str(block), "--part", learning.part]
    arguments += ["--decoder", rig.settings.decoder.published_as]
    arguments += ["--task", rig.settings.task.name, *learning.recalibrate_options]
    # 2: not better, which is a result too.
    return arguments, (0, 2)


def _score(rig: Rig) -> tuple[list[str], tuple[int, ...]]:
    return ["evaluate", str(bundle_of(rig)), str(session_of(rig)), *_area(rig)], (0,)


def _area(rig: Rig) -> list[str]:
    area = rig.settings.source.area
    return ["--area", area] if area else []
