"""The command `rt-ner recalibrate`, which learns from a running loop, or from a saved block."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from rt_ner.core.atomic_files import check_home
from rt_ner.core.errors import ConfigError, RtNerError
from rt_ner.recalibration.choices import LabelMethod, Part
from rt_ner.system.plugins import plugin
from rt_ner.system.processes import tell_parent
from rt_ner.system.signals import stop_on_signals
from rt_ner.terminal.options import (
    AsJson,
    BundlePath,
    DecoderName,
    Overwrite,
    TaskName,
    out_option,
    print_json,
)
from rt_ner.terminal.progress import StageProgress, show_progress

if TYPE_CHECKING:
    from rt_ner.live.learning.block_recorder import BlockRecorder
    from rt_ner.recalibration.block import ClosedLoopBlock
    from rt_ner.recalibration.readouts.refit import Recalibrated
    from rt_ner.recalibration.use import Use


Reaches = Annotated[int, typer.Option(metavar="N", help="Number of reaches to listen to.", min=10)]
SavedBlock = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Use a saved block (.npz) or a recording (.xdf, .nwb) instead of listening.",
    ),
]
EarlierBlocks = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="Earlier block or recording of the day to learn from as well, e.g. "
        "better.block.npz; may be given several times, oldest first.",
    ),
]
ReachingBlock = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Saved block or recording of good control, e.g. the calibration, that shows how the "
        "subject reaches and how fast. Default: as the bundle tells; if it does not, the blocks to "
        "learn from.",
    ),
]
Labels = Annotated[
    LabelMethod,
    typer.Option(
        help="Way to find the intended velocity: a model of how the subject reaches, or ReFIT "
        "(the decoded velocity, turned to the target)."
    ),
]
ScreenFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Text file of all targets on the screen, with a line 'x,y' in cm for the centre of "
        "each, e.g. screen.csv: which of them was aimed at is inferred, not heard from the task.",
    ),
]
PartToLearn = Annotated[
    Part,
    typer.Option(
        help="Part to learn: the encoder, which needs the trainer's packages (torch), or the "
        "readout alone."
    ),
]


def recalibrate(
    bundle: BundlePath,
    out: Annotated[Path, out_option("the recalibrated bundle")],
    reaches: Reaches = 80,
    block: SavedBlock = None,
    earlier: EarlierBlocks = None,
    reaching: ReachingBlock = None,
    screen: ScreenFile = None,
    labels: Labels = LabelMethod.REACH_MODEL,
    part: PartToLearn = Part.ENCODER,
    decoder: DecoderName = "",
    task: TaskName = "task",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Recalibrate a bundle from its use in the loop.

    Listens to a running decoder and task, works out what velocity the subject intended, and learns
    from the first four fifths of the reaches. On the last fifth, compares the result with BUNDLE,
    which must be the bundle in use, by the mean angle to the intended velocity. Writes the new
    bundle only if its angle is smaller (exit code 2 if not). The recorded block is saved either way
    as FOLDER.block.npz. A decoder started with --next swaps to the new bundle with the key w.

    In ordinary use, no task says which target is aimed at. Then name all targets with --screen.

    Example: rt-ner recalibrate m1-bundle --out m1-recalibrated --reaches 80
    """
    from rt_ner.bundle.storage import load_bundle
    from rt_ner.live.learning.block_recorder import BlockRecorder
    from rt_ner.lsl.streams import quiet_liblsl
    from rt_ner.recalibration.block_file import load_any_block, load_control, save_block
    from rt_ner.recalibration.learning import good_reaching, recalibrated, screen_of
    from rt_ner.recalibration.readouts.own_decoding import doubt_on
    from rt_ner.recalibration.use import use_of

    in_use = load_bundle(bundle)
    if out.exists() and not overwrite:
        raise ConfigError(f"--out {out} exists: name a new folder, or say --overwrite")
    check_home(out)
    kept = block or _home_of_block(out, overwrite)
    # Before anything is written: one of them may be replaced.
    control = load_control(reaching, task, decoder) if reaching else None
    good = good_reaching(in_use, control)
    seen = screen_of(screen, good) if screen else None
    before = [load_any_block(path, decoder, task, seen) for path in earlier or ()]
    with show_progress() as shown:
        if block is None:
            quiet_liblsl()
            heard = _heard(BlockRecorder(task, decoder, screen=seen), reaches, shown)
            save_block(heard, kept)
        else:
            heard = load_any_block(block, decoder, task, seen)
        use = use_of(
            (*before, heard),
            labels,
            good,
            lambda problem: shown.warn(f"{problem}: name one with --reaching"),
        )
        told_by = str(reaching) if reaching else str(bundle) if good else "the blocks to learn from"
        if doubt := doubt_on(heard, in_use.model):
            shown.warn(doubt)
        if use.reaching:
            shown.say(f"the model of reaching, from {told_by}: {use.reaching}")
        found = recalibrated(use, in_use, part, partial(shown, f"learning the {part}"))
    if found.notice:
        Console(stderr=True, highlight=False, soft_wrap=True).print(found.notice)
    if found.is_better:
        _save(found, out, overwrite)
    summary = {"part": part, **_summary(found, use, told_by), "block": str(kept)}
    tell_parent("recalibrated", **summary)
    if as_json:
        print_json(summary)
    else:
        _print(found, out, kept)
    raise typer.Exit(0 if found.is_better else 2)


def _summary(found: "Recalibrated", use: "Use", told_by: str) -> dict[str, object]:
    """Return the outcome as JSON values; ``told_by``: where the model of reaching comes from."""
    return {
        "reaches": use.n_reaches,
        "reaching": use.reaching.model_dump() | {"from": told_by} if use.reaching else None,
        "in_use_deg": found.in_use_deg,
        "recalibrated_deg": found.refitted_deg,
        "is_written": found.is_better,
        "notice": found.notice or None,
    }


def _home_of_block(out: Path, overwrite: bool) -> Path:
    """Return where to save what is heard; ConfigError if anything there would be lost."""
    if (kept := out.with_name(f"{out.name}.block.npz")).exists() and not overwrite:
        raise ConfigError(
            f"{kept} exists, an earlier block: name another --out, or say --overwrite"
        )
    return kept


def _print(found: "Recalibrated", out: Path, kept: Path) -> None:
    """Print both angles, and whether the bundle was written."""
    written = f"Written: {out}" if found.is_better else "Not better: nothing is written."
    Console(highlight=False, markup=False, soft_wrap=True).print(
        "mean angle to the intended velocity on held-out reaches: "
        f"{found.in_use_deg:.1f}° in use, {found.refitted_deg:.1f}° recalibrated. "
        f"{written} The block: {kept}"
    )


def _save(found: "Recalibrated", out: Path, overwrite: bool) -> None:
    """Write a recalibrated bundle, with a picture of its held-out reaches if one can be drawn."""
    from rt_ner.bundle.storage import save_bundle
    from rt_ner.offline.held_out.proof import report_pages

    try:
        draw = plugin("report_picture")
    except RtNerError as error:
        Console(stderr=True, soft_wrap=True).print(f"the report has no picture: {error}")
        draw = None
    save_bundle(found.trained.bundle, out, report_pages(found.trained, draw), overwrite)


def _heard(recorder: "BlockRecorder", reaches: int, shown: StageProgress) -> "ClosedLoopBlock":
    """Return a block of a running loop, and show what is missing meanwhile."""
    from rt_ner.live.learning.block_recorder import hear_block

    said = ""

    def show(done: float, problem: str) -> None:
        nonlocal said
        if problem != said:
            said = problem
            shown.say(problem or "all streams are there")
        shown("listening", done)

    with stop_on_signals() as stop:
        heard = hear_block(recorder, reaches, stop, show)
        if stop.is_set() and heard.n_reaches < reaches:
            shown.say(f"stopped after {heard.n_reaches} reaches: fitting to these")
    return heard
