"""Make the parts of a rig from its settings, each with its own ``rt-ner`` command."""

from collections.abc import Iterable
from pathlib import Path

from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.rig.file.layout import Rig
from rt_ner.rig.file.settings import SIMULATED, SourceKind
from rt_ner.rig.plan.part import DECODER, PAGE, RECORDER, SOURCE, TASK, Part

_HANDS = ("mouse", "joystick")


def source_part(rig: Rig) -> Part | None:
    """Return the driver that sends spikes; None if another program does."""
    source = rig.settings.source
    arguments = [str(source.kind)]
    if source.kind is SourceKind.AMPLIFIER:
        return None
    if source.kind is SourceKind.REPLAY:
        arguments += [str(rig.at(source.session))]
    elif source.session:
        arguments += ["--session", str(rig.at(source.session))]
    if source.kind is SourceKind.SUBJECT:
        arguments += ["--task", rig.settings.task.name]
    if source.area and source.kind in SIMULATED:
        arguments += ["--area", source.area]
    arguments += ["--name", source.published_as, *_speed(rig), *source.options]
    return Part(SOURCE, tuple(arguments), restart=source.restart)


def decoder_part(rig: Rig, bundle: Path, commands: str) -> Part:
    """Return the decoder, which obeys the stream of commands with this name."""
    settings = rig.settings.decoder
    arguments = ["decode", str(bundle), "--source", ",".join(rig.settings.source.spikes)]
    arguments += ["--name", settings.published_as, *_config(rig, settings.config)]
    arguments += ["--commands", source_id_of(commands, Kind.COMMANDS)]
    if rig.settings.adaptation.enabled:
        arguments += ["--next", str(rig.offered)]
    arguments += settings.options
    needs = rig.settings.source.spikes
    return Part(DECODER, tuple(arguments), needs, settings.restart, is_heard=True)


def recorder_part(rig: Rig, task: str, awaited: tuple[str, ...]) -> Part:
    """Return the recorder of a task; it begins when all these streams are there."""
    settings = rig.settings.recorder
    markers = (source_id_of(rig.settings.task.name, Kind.MARKERS),)
    awaited = (*rig.settings.source.spikes, *awaited)
    awaited += markers if rig.settings.task.enabled else ()
    name = rig.recording_name(task).options()
    # The rig writes one report of the whole day.
    arguments = ["record", str(rig.recordings), *name, "--no-report"]
    arguments += ["--wait-for", ",".join(awaited)]
    arguments += settings.options
    needs = rig.settings.source.spikes
    return Part(RECORDER, tuple(arguments), needs, settings.restart, is_heard=True)


def task_part(rig: Rig, trials: int, mover: tuple[str, ...], need: str) -> Part:
    """Return the task, in which ``mover`` moves the cursor by the velocity stream ``need``."""
    settings = rig.settings.task
    arguments = ["task", *mover, "--name", settings.name, *_config(rig, settings.config)]
    arguments += ["--trials", str(trials), *_speed(rig), *settings.options]
    return Part(TASK, tuple(arguments), (need,), settings.restart)


def view_part(rig: Rig, bundle: Path, control_as: str) -> Part:
    """Return the operator's window, which sends its keys under this name."""
    decoder = rig.settings.decoder.published_as
    arguments = ["view", str(bundle), "--decoder", decoder, "--task", rig.settings.task.name]
    arguments += ["--control-as", control_as, "--recordings", str(rig.recordings)]
    arguments += [*rig.recording_name("extra").options(), *rig.settings.view.options]
    needs = (source_id_of(decoder, Kind.STATE),)
    return Part("view", tuple(arguments), needs, rig.settings.view.restart)


def screen_part(rig: Rig) -> Part:
    """Return the subject's screen."""
    settings = rig.settings.screen
    arguments = ["view", "--subject", "--full-screen", "--screen", str(settings.monitor)]
    arguments += ["--task", rig.settings.task.name, *settings.options]
    return Part("screen", tuple(arguments), restart=settings.restart)


def adaptation_part(rig: Rig, bundle: Path, control_as: str) -> Part:
    """Return the learner beside the decoder, which orders swaps under this name."""
    settings, decoder = rig.settings.adaptation, rig.settings.decoder.published_as
    arguments = ["adapt", str(bundle), "--out", str(rig.offered), "--method", settings.method]
    arguments += ["--decoder", decoder, "--task", rig.settings.task.name]
    arguments += ["--control-as", control_as, *(["--swap"] if settings.swap else [])]
    arguments += settings.options
    needs = (source_id_of(decoder, Kind.STATE),)
    return Part("adaptation", tuple(arguments), needs, settings.restart, is_heard=True)


def page_part(rig: Rig, steps: Iterable[str], control_as: str) -> Part:
    """Return the server of the page, which commands the decoder under this name."""
    settings = rig.settings.page
    arguments = ["rig", "page", "--state", str(rig.state_file), "--logs", str(rig.logs)]
    arguments += ["--blocks", str(rig.blocks_file)]
    arguments += ["--decoder", rig.settings.decoder.published_as, "--control-as", control_as]
    arguments += ["--steps", ",".join(dict.fromkeys(steps))]
    arguments += ["--address", settings.address, "--port", str(settings.port)]
    return Part(PAGE, tuple(arguments), restart="always")


def hand_part(rig: Rig) -> Part | None:
    """Return the driver of the hand that is named; None if another program sends it."""
    hand = rig.settings.task.hand
    return Part("hand", (hand,), restart="always") if hand in _HANDS else None


def hand_name(rig: Rig) -> str:
    """Return the name of the stream of hand movement in the calibration."""
    return rig.settings.task.hand or rig.settings.source.published_as


def _speed(rig: Rig) -> list[str]:
    speed = rig.settings.source.speed
    return [] if speed == 1 else ["--speed", f"{speed:g}"]


def _config(rig: Rig, file: str) -> list[str]:
    return ["--config", str(rig.at(file))] if file else []
