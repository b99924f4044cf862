"""Offer the command that trains a decoder. Torch is imported when it runs."""

from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from offline_training.joint.options import (
    Classes,
    Joint,
    JointUse,
    JointWith,
    JointWorkers,
    Quick,
    SharedReadout,
    TrainedPath,
)
from offline_training.options import pick_device, require_training, train_settings
from rt_ner.bundle.entries.reaching_entry import ReachingEntry
from rt_ner.bundle.manifest import Manifest
from rt_ner.bundle.storage import check_writable
from rt_ner.core.contract.outputs import kind_of
from rt_ner.core.errors import RtNerError
from rt_ner.data.loading import load_session
from rt_ner.decoding.binning.voltage.settings import voltage_settings
from rt_ner.system.processes import tell_parent
from rt_ner.terminal.options import (
    AreaName,
    AsJson,
    Bank,
    ConfigPath,
    Device,
    Outputs,
    Overwrite,
    RecipePath,
    Reference,
    SessionPaths,
    SettingsSeed,
    Value,
    print_json,
    table_of,
)
from rt_ner.terminal.progress import show_progress


def train(
    session: SessionPaths,
    out: TrainedPath = None,
    joint: Joint = False,
    joint_with: JointWith = None,
    shared_readout: SharedReadout = False,
    workers: JointWorkers = 1,
    recipe: RecipePath = None,
    area: AreaName = None,
    value: Value = None,
    reference: Reference = None,
    bank: Bank = None,
    config: ConfigPath = None,
    outputs: Outputs = "",
    classes: Classes = "",
    seed: SettingsSeed = None,
    quick: Quick = False,
    device: Device = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Train NER on a session and write a decoder bundle.

    Holds out the last trials (20 % unless configured) and scores them, next to a control that is
    trained on shuffled trials. A recording without trials is cut into blocks. Several recordings
    of the same electrodes are learned as one session, each with its own time. With --joint, their
    channels may differ: each has a decoder of its own, with a first layer for its channels, and the
    layers behind it are learned from all sessions.

    Example: rt-ner train day1.xdf --area M1 --out m1-bundle

    Example: rt-ner train day1.xdf day2.xdf --joint --out series

    Example: rt-ner train day3.xdf --joint-with series
    """
    require_training()
    from offline_training.joint.commands import train_jointly, train_new_day
    from offline_training.joint.sessions import Reading
    from offline_training.training import save_trained, train_bundle

    settings = train_settings(config, seed, outputs, classes, quick)
    use = JointUse(joint, joint_with, shared_readout, workers)
    out = use.folder(out, bool(config or outputs or classes or quick or seed is not None))
    voltage = voltage_settings(value, reference, bank)
    reading = Reading(tuple(session), area, voltage, recipe)
    if joint_with is not None:
        train_new_day(reading, joint_with, device, overwrite, as_json)
        return
    check_writable(out, overwrite)
    if joint:
        train_jointly(reading, settings, use, device, out, overwrite, as_json)
        return
    with show_progress("R²") as shown:
        recording = load_session(session, area, voltage, shown.warn, recipe)
        trained = train_bundle(recording, settings, pick_device(device), shown, shown.warn)
    reaching = None if recipe else reaching_in_file(session[-1])
    trained = replace(trained, bundle=trained.bundle.with_reaching(reaching))
    save_trained(trained, out, overwrite)
    scores = trained.bundle.manifest.model_dump(mode="json")["scores"]
    tell_parent("trained", **scores)
    if as_json:
        print_json(
            {
                "session": recording.name,
                "area": recording.area,
                "bundle": str(out),
                "offline": scores,
                "train_s": round(trained.train_s, 1),
            }
        )
        return
    table = scores_table(trained.bundle.manifest, f"{recording.name} {recording.area} → {out}")
    table.add_row("time", f"{trained.train_s:.1f} s")
    Console(highlight=False, markup=False).print(table)


def reaching_in_file(recording: Path) -> ReachingEntry | None:
    """Return how the subject reaches in a recording; None unless it shows that well."""
    from rt_ner.recalibration.block_file import load_control
    from rt_ner.recalibration.use import is_told, reaching_in

    if recording.suffix.lower() not in (".xdf", ".nwb"):
        return None
    try:
        found = reaching_in(load_control(recording, "task"))
    except RtNerError:
        return None
    return found if is_told(found) else None


def scores_table(manifest: Manifest, title: str) -> Table:
    """Return a table of a training's scores."""
    scores, kind, reaching = manifest.scores, kind_of(manifest.decoded_outputs), manifest.reaching
    rows = {
        f"{kind} R², held out": scores.r2,
        "position R², held out, of the decoded path": scores.path_r2,
        f"control: {kind} R², shuffled labels": scores.shuffled_r2,
        f"{kind} R², training trials": scores.train_r2,
        f"{kind} R², training trials left out by a second encoder": scores.validation_r2,
        "part of the power that the model of reaching explains": reaching and reaching.explained,
    }
    table = table_of(title)
    if manifest.classifier and scores.classes:
        rows |= scores.classes.rows(manifest.classifier.of)
    for name, score in rows.items():
        if score is not None:
            table.add_row(name, f"{score:.3f}")
    return table
