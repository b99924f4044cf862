"""Commands on files: inspect, convert and evaluate."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.entries.classifier_entry import ClassScores
from rt_ner.bundle.joint.joint_bundle import day_of_session
from rt_ner.bundle.joint.joint_manifest import day_folder, is_joint, read_joint
from rt_ner.bundle.manifest import Manifest, named_scores
from rt_ner.bundle.storage import load_bundle
from rt_ner.bundle.tables.joint_table import show_joint
from rt_ner.bundle.tables.manifest_table import manifest_json, manifest_table
from rt_ner.core.atomic_files import replace_file
from rt_ner.core.contract.outputs import names_of
from rt_ner.core.errors import ConfigError
from rt_ner.data.formats.common.guards.stand_ins import is_zarr, recording_at
from rt_ner.data.loading import load_recording, load_session
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.session import Session
from rt_ner.data.summary import summary_table
from rt_ner.decoding.binning.voltage.settings import voltage_settings
from rt_ner.offline.decoding import DecodedSession, decode
from rt_ner.system.plugins import plugin
from rt_ner.system.processes import tell_parent
from rt_ner.terminal.options import (
    AreaName,
    AsJson,
    Bank,
    BundlePath,
    DayName,
    RecipePath,
    Reference,
    SessionPaths,
    Value,
    print_json,
    table_of,
)


def inspect(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH", help="Recording, e.g. day1.xdf, or folder of a bundle, e.g. m1-bundle."
        ),
    ],
    recipe: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Read the recording as this recipe says, e.g. lab.toml. If this file does not "
            "exist, draft a recipe and write it there. An existing recipe is never changed.",
        ),
    ] = None,
    area: AreaName = None,
    value: Value = None,
    reference: Reference = None,
    bank: Bank = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Save a picture of spikes, rates, movement and trials, e.g. day1.png.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a recording or a bundle and show what is inside.

    For a bundle, shows its held-out scores, also under faults of the input; for a joint bundle, its
    days. For a recording, also lists anything that is missing for training. With --recipe NEW.toml,
    drafts a recipe for a .mat, .npz or HDF5 file of any layout, or for the task's markers in a
    recording (XDF, NWB or Blackrock). Correct the draft, and run the same command again: it reads
    the recording as the recipe says, as any command does with --recipe.
    """
    if recipe is not None and not recipe.exists():
        _write_draft(path, recipe)
        return
    if recipe is not None or not recording_at(path).is_dir() or is_zarr(path):
        recording = load_recording(path, area, voltage_settings(value, reference, bank), recipe)
        _show_recording(recording, path, picture, as_json)
        return
    if is_joint(path):
        show_joint(path, as_json)
        return
    loaded = load_bundle(path)
    if as_json:
        print_json({**manifest_json(loaded.manifest), "fingerprint": loaded.model.fingerprint})
    else:
        table = manifest_table(loaded.manifest, path)
        table.add_row("number in the timing stream", str(loaded.model.fingerprint))
        Console(highlight=False, markup=False).print(table)


def convert(
    recording: Annotated[
        list[Path],
        typer.Argument(
            metavar="RECORDING...",
            help="Recording: .xdf, .nwb, .mat, .nev, .ns1 to .ns6, .npz or a recipe. Several of "
            "the same electrodes are joined in this order.",
        ),
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="New file, e.g. day1.npz or day1.nwb.")
    ],
    recipe: RecipePath = None,
    area: AreaName = None,
    value: Value = None,
    reference: Reference = None,
    bank: Bank = None,
) -> None:
    """Convert a recording to a session file (.npz) or to NWB.

    Joins several, e.g. rt-ner convert day1/*.xdf day1.npz.
    """
    from rt_ner.data.loading import save_session

    suffix = out.suffix.lower()
    if suffix not in (".npz", ".nwb"):
        raise ConfigError(f"{out}: expected a name that ends in .npz or .nwb")
    if out.exists():
        raise ConfigError(f"{out} already exists: name another file, or remove it first")
    voltage = voltage_settings(value, reference, bank)
    session = load_session(recording, area, voltage, _say, recipe)
    if suffix == ".npz":
        save_session(session, out)
    else:
        from rt_ner.data.formats.nwb.writer import write

        write(session, out)
    _say(
        f"{out}: {len(session.channel_ids)} channels, {session.trials.n_in_words}, "
        f"{session.end_ns / 1e9:.0f} s of {session.area}"
    )


def _say(text: str) -> None:
    """Print a line on stderr."""
    Console(stderr=True, highlight=False, markup=False).print(text, soft_wrap=True)


def _write_draft(path: Path, recipe: Path) -> None:
    """Write a draft of a recipe that reads a file."""
    from rt_ner.data.formats.recipe.draft import draft_recipe

    if recipe.suffix.lower() != ".toml":
        raise ConfigError(
            f"--recipe {recipe}: there is no such recipe; to draft one, give a name that ends in "
            ".toml"
        )
    is_beside = recipe.resolve().parent == path.resolve().parent
    draft = draft_recipe(path, path.name if is_beside else str(path.resolve()))
    replace_file(recipe, draft.text.encode())
    for note in draft.notes:
        _say(note)
    Console(highlight=False, markup=False).print(
        f"{recipe} is a draft: check every line, then run rt-ner inspect {path} --recipe {recipe}",
        soft_wrap=True,
    )


def _show_recording(
    recording: RecordingFile, path: Path, picture: Path | None, as_json: bool
) -> None:
    from rt_ner.data.summary import summary_json

    if picture is not None:
        replace_file(picture, plugin("recording_picture")(recording))
    if as_json:
        print_json(summary_json(recording))
    else:
        Console(highlight=False, markup=False).print(summary_table(recording, path))


def _evaluated_classes(
    decoded: DecodedSession, scores: ClassScores | None
) -> Mapping[str, float | str]:
    """Return the rows on the classes of a decoded session; none without a classifier."""
    if scores is not None:
        return scores.rows(decoded.classified)
    if decoded.classes:
        return {f"classes of {decoded.classified}": "this session does not tell them"}
    return {}


def _loaded(
    bundle: Path, day: str | None, load: Callable[[Manifest], Session]
) -> tuple[Bundle, Session]:
    """Return a bundle and the session to decode; of a joint bundle, that of the session's day."""
    if day is None and is_joint(bundle):
        first = load_bundle(day_folder(bundle, read_joint(bundle).names[0])).manifest
        own = load(first)
        learned = own.only(names_of(first.decoded_outputs))
        day = day_of_session(bundle, learned.sha256, own.name)
        return load_bundle(day_folder(bundle, day)), own
    loaded = load_bundle(day_folder(bundle, day))
    return loaded, load(loaded.manifest)


def evaluate(
    bundle: BundlePath,
    session: SessionPaths,
    day: DayName = None,
    recipe: RecipePath = None,
    area: AreaName = None,
    as_json: AsJson = False,
) -> None:
    """Score a bundle on a session, offline.

    Decodes bin by bin with the live decoder's own code, so that live decoding gives the same
    velocities. On the session that the bundle was trained on, scores only the held-out trials; on
    any other session, all trials. The control scores the same decoding against shuffled trials.
    If the bundle classifies, shows the balanced accuracy too, with control and chance level. A
    joint bundle recognises the sessions that it learned from; for any other, name the --day.
    """

    def load(manifest: Manifest) -> Session:
        known = area or manifest.training.area
        return load_session(session, known, manifest.voltage, _say, recipe)

    loaded, recording = _loaded(bundle, day, load)
    manifest = loaded.manifest
    decoded = decode(loaded, recording)
    scores = asdict(decoded.score(recording))
    classes: ClassScores | None = scores.pop("classes")
    result: dict[str, float | int | str | None] = {
        "trials": "all: not the session trained on"
        if decoded.n_train_trials(recording) is None
        else "held out of training",
        **named_scores(scores, manifest.decoded_outputs),
    }
    tell_parent("evaluated", **result)
    if as_json:
        of_classes = {"classes": classes and classes.model_dump()} if decoded.classes else {}
        print_json({"session": recording.name, "area": recording.area, **result, **of_classes})
        return
    table = table_of(f"{bundle} on {recording.name} {recording.area}")
    named = {name.replace("_r2", " R²").replace("_", " "): value for name, value in result.items()}
    for name, value in {**named, **_evaluated_classes(decoded, classes)}.items():
        if value is not None:
            table.add_row(name, f"{value:.3f}" if isinstance(value, float) else str(value))
    Console(highlight=False, markup=False).print(table)
