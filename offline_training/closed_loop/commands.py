"""The closed loop's commands. Torch is imported when they run."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from offline_training.options import Device, require_training, train_settings
from rt_ner.core.atomic_files import check_home
from rt_ner.core.errors import ConfigError
from rt_ner.system.signals import check_display, stop_on_signals
from rt_ner.terminal.options import AsJson, ConfigPath, Speed, print_json

if TYPE_CHECKING:
    from offline_training.settings import TrainSettings
    from rt_ner.bundle.bundle import Bundle
    from rt_ner.data.session.session import Session
    from rt_ner.recalibration.block import ClosedLoopBlock

_SCORES = {
    "success_rate": "success",
    "acquire_s_median": "acquire (s)",
    "path_efficiency": "path efficiency",
    "throughput_bps": "throughput (bit/s)",
    "bitrate_bps": "bit rate (bit/s)",
}


def closed_loop(
    session: Annotated[
        Path | None,
        typer.Option(help="Fit the subject's neurons to this session. Default: made-up ones."),
    ] = None,
    area: Annotated[str | None, typer.Option(help="Brain area of that session.")] = None,
    trials: Annotated[int, typer.Option(help="A block.", min=10)] = 100,
    calibration: Annotated[int, typer.Option(help="Trials with the own hand.", min=20)] = 160,
    lead_ms: Annotated[
        float, typer.Option(help="Train NER on the hand as it will be so much later.", min=0)
    ] = 75.0,
    seed: Annotated[int, typer.Option(help="Of the subject, and of learning.", min=0)] = 0,
    out: Annotated[Path, typer.Option(help="New folder for everything.")] = Path(
        "rt-ner-closed-loop"
    ),
    another_day: Annotated[
        bool, typer.Option("--another-day", help="Change the neurons too, and recalibrate.")
    ] = False,
    view: Annotated[bool, typer.Option("--view", help="NetworkWatch every block live.")] = False,
    speed: Speed = 1.0,
    config: ConfigPath = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Close the loop with a simulated subject: calibrate, train, decode, recalibrate, score.

    Subject, task and decoder are processes of their own on real LSL, in real time. Beside NER, the
    same subject with a Kalman filter on binned counts, recalibrated likewise, and with an ideal
    decoder that gives what the subject means. Takes some 25 minutes with the usual trials. Faster
    than real time, what the computer itself takes counts so many times over in the loop.
    """
    require_training()
    from offline_training.closed_loop.pipeline import LoopPlan, run_closed_loop
    from offline_training.ner.distillation import pick_device
    from rt_ner.lsl.streams import quiet_liblsl

    if out.exists():
        raise ConfigError(f"--out {out} exists: name a new folder")
    check_home(out)
    if view:
        check_display()
    quiet_liblsl()
    neurons: list[str] = [] if session is None else ["--session", str(session.resolve())]
    neurons += [] if area is None else ["--area", area]
    plan = LoopPlan(
        folder=out,
        calibration_trials=calibration,
        trials=trials,
        lead_ms=lead_ms,
        seed=seed,
        subject=tuple(neurons),
        settings=_settings(config, seed),
        device=pick_device(device),
        speed=speed,
        with_another_day=another_day,
        with_view=view,
    )
    with bars() as shown:
        result = run_closed_loop(plan, showing(shown))
    summary = result.summary()
    if as_json:
        print_json(summary)
        return
    clock = "in real time" if speed == 1 else f"{speed:g} times faster than real time"
    table = Table(title=f"{trials} trials a block, {clock}", title_justify="left")
    table.add_column("block")
    for title in _SCORES.values():
        table.add_column(title, justify="right")
    for block in [
        *result.blocks,
        *result.another_day,
        *result.references["kalman"],
        *result.references["ideal"],
    ]:
        table.add_row(str(block["name"]), *(f"{block[score]:.3f}" for score in _SCORES))
    console = Console(highlight=False, markup=False)
    console.print(table)
    for name, found in result.recalibrations.items():
        console.print(
            f"{name}: ReFIT {'won' if found.is_kept else 'lost'} in the loop, "
            f"{found.refitted_bps:.2f} against {found.in_use_bps:.2f} bit/s"
        )


def recalibrate(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The bundle in use.")],
    out: Annotated[Path, typer.Option(help="Folder for the recalibrated bundle.")],
    reaches: Annotated[int, typer.Option(help="Listen to so many reaches.", min=10)] = 80,
    block: Annotated[
        Path | None,
        typer.Option(help="Use a block that was kept, or a recording (.xdf), and listen to none."),
    ] = None,
    part: Annotated[
        str,
        typer.Option(help="readout: in seconds; encoder: both, in minutes."),
    ] = "readout",
    session: Annotated[
        Path | None, typer.Option(help="For the encoder: the session BUNDLE was trained on.")
    ] = None,
    decoder: Annotated[str, typer.Option(help="Name of the decoder's streams.")] = "rt-ner",
    task: Annotated[str, typer.Option(help="Name of the task's streams.")] = "task",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Make a better bundle of the one in use, from what the subject meant in the loop.

    Listens to a running decoder and task, takes it that the subject aimed at the target (ReFIT),
    fits to the first reaches, and compares with the bundle in use on the last fifth. Writes OUT
    only if that is better; what was heard is kept beside it either way. A decoder that was started
    with --next OUT takes it over with w, and u undoes that. Exit code 2: not better.
    """
    require_training()
    from offline_training.closed_loop.block_file import block_of_xdf, load_block, save_block
    from offline_training.closed_loop.recalibration import (
        Part,
        recalibrate_encoder,
        recalibrate_readout,
    )
    from offline_training.ner.distillation import pick_device
    from offline_training.training import save_trained
    from rt_ner.bundle.storage import load_bundle

    in_use = load_bundle(bundle)
    if part not in list(Part):
        raise ConfigError(f"--part {part}: expected {' or '.join(Part)}")
    known = _known(session, in_use) if part == Part.ENCODER else None
    if out.exists() and not overwrite:
        raise ConfigError(f"--out {out} exists: name a new folder, or say --overwrite")
    check_home(out)
    kept = block or out.with_name(f"{out.name}.block.npz")
    with bars() as shown:
        if block is None:
            heard = _heard(task, decoder, reaches, shown)
            save_block(heard, kept)
        else:
            is_xdf = block.suffix.lower() == ".xdf"
            heard = block_of_xdf(block, decoder, task) if is_xdf else load_block(block)
        fitting = shown.add_task(f"fitting the {part}", total=1.0)
        if known is None:
            found = recalibrate_readout(heard, in_use)
        else:
            found = recalibrate_encoder(
                heard, in_use, known, pick_device(device),
                lambda done: shown.update(fitting, completed=done),
            )  # fmt: skip
        shown.update(fitting, completed=1.0)
    if found.is_better:
        save_trained(found.trained, out, overwrite)
    summary: dict[str, object] = {
        "part": part,
        "reaches": heard.n_reaches,
        "in_use_deg": found.in_use_deg,
        "recalibrated_deg": found.refitted_deg,
        "is_written": found.is_better,
        "block": str(kept),
    }
    if as_json:
        print_json(summary)
    else:
        Console(highlight=False, markup=False, soft_wrap=True).print(
            f"held-out reaches, mean angle to what was meant: {found.in_use_deg:.1f}° in use, "
            f"{found.refitted_deg:.1f}° recalibrated. "
            + (f"Written: {out}" if found.is_better else "Not better: nothing is written.")
            + f" The block: {kept}"
        )
    raise typer.Exit(0 if found.is_better else 2)


def adapt(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The bundle in use.")],
    out: Annotated[Path, typer.Option(help="Folder for the adapted bundle: the decoder's --next.")],
    half_life: Annotated[
        float, typer.Option(help="Use that is so many seconds old counts half.", min=10)
    ] = 120.0,
    every: Annotated[float, typer.Option(help="Seconds between steps.", min=5)] = 15.0,
    method: Annotated[
        str, typer.Option(help="rls: recursive least squares; smooth-batch: the reference.")
    ] = "rls",
    control_as: Annotated[
        str,
        typer.Option(help="Send swaps as NAME; a decoder with --commands NAME/commands obeys."),
    ] = "adapt",
    decoder: Annotated[str, typer.Option(help="Name of the decoder's streams.")] = "rt-ner",
    task: Annotated[str, typer.Option(help="Name of the task's streams.")] = "task",
) -> None:
    """Let the readout follow what the subject means, a little at a time, until Ctrl-C.

    Listens to a running decoder and task as rt-ner recalibrate does. Every step writes OUT and
    tells the decoder to swap to it. The readout never goes far from BUNDLE's, and stays as fast.
    Each u of the decoder undoes a step; without this command nothing ever adapts.
    """
    require_training()
    from rt_ner.bundle.storage import check_writable, load_bundle
    from rt_ner.live.learning.adapting import AdaptPlan, run_adaptation
    from rt_ner.lsl.streams import quiet_liblsl

    if method not in ("rls", "smooth-batch"):
        raise ConfigError(f"--method {method}: expected rls or smooth-batch")
    in_use = load_bundle(bundle)
    if out.resolve() == bundle.resolve():
        raise ConfigError(f"--out {out} is the bundle in use: name another folder")
    check_writable(out, overwrite=True)
    quiet_liblsl()
    console = Console(stderr=True, highlight=False, markup=False)
    plan = AdaptPlan(out, half_life, every, method, control_as, decoder, task)
    with stop_on_signals() as stop:
        run_adaptation(plan, in_use, stop, console.print)


def _known(session: Path | None, in_use: "Bundle") -> "Session":
    """The session that a bundle was trained on; ConfigError if it is another, or none is named."""
    from rt_ner.data.formats.archive import load_session

    training = in_use.manifest.training
    if session is None:
        raise ConfigError(
            f"--part encoder learns from session '{training.session}' too: name it with --session"
        )
    known = load_session(session, training.area)
    if known.sha256 != training.session_sha256:
        raise ConfigError(
            f"--session {session} is not the session '{training.session}' that the bundle was "
            "trained on: its hash is another"
        )
    return known


def _heard(task: str, decoder: str, reaches: int, shown: Progress) -> "ClosedLoopBlock":
    """A block of a running loop; what is missing is shown meanwhile."""
    from rt_ner.live.learning.block_recorder import hear_block
    from rt_ner.lsl.streams import quiet_liblsl

    quiet_liblsl()
    listening = shown.add_task("listening", total=1.0)

    def show(done: float, problem: str) -> None:
        shown.update(
            listening, completed=done, description=problem or f"listening, {reaches} reaches"
        )

    with stop_on_signals() as stop:
        heard = hear_block(task, decoder, reaches, stop, show)
        if stop.is_set() and heard.n_reaches < reaches:
            shown.console.print(f"stopped after {heard.n_reaches} reaches: fitting to these")
    return heard


def _settings(config: Path | None, seed: int) -> "TrainSettings":
    """The file's, or the usual ones with a window that is finer and shorter: better in the loop."""
    from offline_training.settings import WindowSettings

    settings = train_settings(config, seed)
    if config is not None:
        return settings
    return settings.model_copy(update={"window": WindowSettings(bin_ms=20.0, history_bins=12)})


def bars() -> Progress:
    """Bars on stderr, one for each part of the work."""
    return Progress(
        TextColumn("{task.description:<20}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )


def showing(shown: Progress) -> Callable[[str, float], None]:
    """Shows a part of the work, by name, and how much of it is done; its bar comes with it."""
    tasks: dict[str, TaskID] = {}

    def show(what: str, part: float) -> None:
        if what not in tasks:
            tasks[what] = shown.add_task(what, total=1.0)
        shown.update(tasks[what], completed=part)

    return show
