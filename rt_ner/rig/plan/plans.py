"""Put the parts of a rig together: for the closed loop, and for the calibration."""

from pathlib import Path

from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.core.settings import load_settings
from rt_ner.live.settings import DecodeSettings
from rt_ner.rig.file.layout import BRAIN, CALIBRATION, Rig
from rt_ner.rig.file.settings import SourceKind
from rt_ner.rig.plan.part import SOURCE, TASK, Part, Plan
from rt_ner.rig.plan.parts import (
    adaptation_part,
    decoder_part,
    hand_name,
    hand_part,
    recorder_part,
    screen_part,
    source_part,
    task_part,
    view_part,
)
from rt_ner.system.display import opens_view

_ASKED = {"auto": None, "on": True, "off": False}


def loop_plan(rig: Rig, bundle: Path, commands: str) -> Plan:
    """Return the closed loop with a bundle; its decoder obeys the commands sent as ``commands``."""
    settings, decoder = rig.settings, rig.settings.decoder.published_as
    view, adapt = f"{commands}-view", f"{commands}-adapt"
    needs_velocity = source_id_of(decoder, Kind.VELOCITY)
    of_decoder = (source_id_of(decoder, Kind.COUNTS),)
    parts: list[Part | None] = [
        source_part(rig),
        decoder_part(rig, bundle, commands),
        recorder_part(rig, BRAIN, of_decoder) if settings.recorder.enabled else None,
        view_part(rig, bundle, view) if opens_window(rig) else None,
        screen_part(rig) if settings.screen.enabled else None,
        adaptation_part(rig, bundle, adapt) if settings.adaptation.enabled else None,
    ]
    if settings.task.enabled:
        mover = ("--decoder", decoder)
        parts.append(task_part(rig, settings.task.trials, mover, needs_velocity))
    relayed = [source_id_of(name, Kind.COMMANDS) for name in (view, adapt)]
    return Plan(_present(parts), "", commands, (*relayed, *_own_control(rig)))


def block_end(rig: Rig) -> str:
    """Return the part whose end is the end of a closed-loop block; empty: only the operator."""
    if rig.settings.task.enabled:
        return TASK
    return SOURCE if rig.settings.source.kind is SourceKind.REPLAY else ""


def calibration_plan(rig: Rig) -> Plan:
    """Return the calibration, in which the hand moves the cursor."""
    settings, hand = rig.settings, hand_name(rig)
    kinematics = source_id_of(hand, Kind.KINEMATICS)
    parts = [
        source_part(rig),
        hand_part(rig),
        recorder_part(rig, CALIBRATION, (kinematics,)) if settings.recorder.enabled else None,
        screen_part(rig) if settings.screen.enabled else None,
        task_part(rig, settings.task.calibration_trials, ("--hand", hand), kinematics),
    ]
    return Plan(_present(parts), TASK)


def opens_window(rig: Rig) -> bool:
    """Return True if the operator's window is to be opened."""
    return opens_view(_ASKED[rig.settings.view.window])


def _own_control(rig: Rig) -> tuple[str, ...]:
    """Return the command stream that the decoder's settings file names, to be obeyed as well."""
    file = rig.settings.decoder.config
    control = load_settings(rig.at(file) if file else None, DecodeSettings).control
    return (control.source_id,) if control.source_id else ()


def _present(parts: list[Part | None]) -> tuple[Part, ...]:
    return tuple(part for part in parts if part is not None)
