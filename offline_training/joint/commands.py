"""Train jointly from the command line: rt-ner train --joint and --joint-with."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from offline_training.commands import reaching_in_file, scores_table
from offline_training.joint.learning import train_days
from offline_training.joint.new_day import KnownDay, learn_new_day
from offline_training.joint.options import JointUse
from offline_training.joint.sessions import Reading, load_sessions, prepare_days
from offline_training.joint.workers.pool import learner
from offline_training.options import pick_device
from offline_training.settings import TrainSettings
from offline_training.training import report_of
from rt_ner.bundle.joint.joint_bundle import (
    DayBundle,
    add_day,
    check_new_day,
    save_joint,
)
from rt_ner.bundle.joint.joint_manifest import day_folder, is_joint, read_joint
from rt_ner.bundle.storage import load_bundle
from rt_ner.core.contract.outputs import kind_of, names_of
from rt_ner.core.errors import BundleError, ConfigError
from rt_ner.data.loading import session_files
from rt_ner.offline.held_out.proof import Trained
from rt_ner.terminal.options import print_json
from rt_ner.terminal.progress import show_progress


def train_jointly(
    reading: Reading,
    settings: TrainSettings,
    use: JointUse,
    device: str,
    out: Path,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Train sessions together, write the joint bundle, and show the scores of each."""
    with show_progress("R²") as shown:
        days = prepare_days(load_sessions(reading, shown.warn), settings, shown.warn)
        with learner(days, settings, device, use.workers) as learn:
            trained = train_days(days, settings, use.readout, learn, shown)
    pairs = zip(session_files(reading.paths), trained, strict=True)
    bundles = [_day_bundle(path, each, reading) for path, each in pairs]
    save_joint(bundles, use.readout, out, overwrite)
    if as_json:
        days_json = [_row(each) for each in trained]
        print_json({"bundle": str(out), "readout": use.readout, "days": days_json})
    else:
        Console(highlight=False, markup=False).print(_table(trained, out))


def train_new_day(
    reading: Reading, joint: Path, device: str, overwrite: bool, as_json: bool
) -> None:
    """Learn the head of a new day, add the day to its joint bundle, and show its scores."""
    known, path = _known_day(joint), _one_path(reading.paths)
    before = known.bundle.manifest
    with show_progress("R²") as shown:
        like_before = replace(
            reading,
            area=reading.area or before.training.area,
            voltage=reading.voltage or before.voltage,
        )
        (session,) = load_sessions(like_before, shown.warn)
        learned = session.only(names_of(before.decoded_outputs))
        check_new_day(joint, session.name, learned.sha256, overwrite)
        new = learn_new_day(session, known, pick_device(device), shown, shown.warn)
    trained = new.trained
    add_day(joint, replace(_day_bundle(path, trained, reading), is_added=True), overwrite)
    if as_json:
        print_json({"bundle": str(joint), **_row(trained), "head_s": round(new.head_s, 1)})
        return
    table = scores_table(trained.bundle.manifest, f"{session.name} {session.area} → {joint}")
    table.add_row("time to learn the head", f"{new.head_s:.1f} s")
    Console(highlight=False, markup=False).print(table)


def _known_day(joint: Path) -> KnownDay:
    """Return the newest of the days that a joint bundle's trunk learned from."""
    if not is_joint(joint):
        raise BundleError(
            f"--joint-with {joint} is not a joint bundle: train one with rt-ner train DAY1 DAY2 "
            "--joint --out FOLDER"
        )
    found = read_joint(joint)
    newest = [day.name for day in found.days if not day.is_added][-1]
    return KnownDay(newest, load_bundle(day_folder(joint, newest)), found.readout)


def _one_path(paths: Sequence[Path]) -> Path:
    files = session_files(paths)
    if len(files) != 1:
        raise ConfigError(f"--joint-with and {len(files)} sessions: add one day at a time")
    return files[0]


def _day_bundle(path: Path, trained: Trained, reading: Reading) -> DayBundle:
    reaching = None if reading.recipe else reaching_in_file(path)
    bundle = trained.bundle.with_reaching(reaching)
    return DayBundle(bundle.manifest.training.session, bundle, report_of(trained))


def _row(trained: Trained) -> dict[str, object]:
    manifest = trained.bundle.manifest
    return {
        "session": manifest.training.session,
        "area": manifest.training.area,
        "offline": manifest.model_dump(mode="json")["scores"],
    }


def _table(trained: Sequence[Trained], out: Path) -> Table:
    """Return the scores of each session on its held-out trials."""
    of = kind_of(trained[0].bundle.manifest.decoded_outputs)
    table = Table(title=f"{len(trained)} sessions → {out}", title_justify="left")
    for title in ("session", f"{of} R², held out", "control: shuffled labels"):
        table.add_column(title)
    for each in trained:
        scores, training = each.bundle.scores, each.bundle.manifest.training
        table.add_row(training.session, f"{scores.r2:.3f}", f"{scores.shuffled_r2:.3f}")
    return table
