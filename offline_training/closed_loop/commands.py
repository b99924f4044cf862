"""The closed loop's commands. Torch is imported when they run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from offline_training.options import require_training, train_settings
from rt_ner.core.atomic_files import check_home
from rt_ner.core.errors import ConfigError
from rt_ner.recalibration.choices import AdaptationMethod, Part
from rt_ner.system.display import check_display
from rt_ner.system.signals import stop_on_signals
from rt_ner.terminal.options import (
    AreaName,
    AsJson,
    BundlePath,
    ConfigPath,
    ControlAs,
    DecoderName,
    Device,
    Overwrite,
    Seed,
    Speed,
    TaskName,
    out_option,
    print_json,
    session_option,
)
from rt_ner.terminal.progress import StageProgress, show_progress

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
        Path | None, session_option("Simulate its units. Default: made-up neurons.")
    ] = None,
    area: AreaName = None,
    trials: Annotated[
        int, typer.Option(metavar="N", help="Number of trials per block.", min=10)
    ] = 100,
    calibration: Annotated[
        int,
        typer.Option(
            metavar="N", help="Number of trials with the subject's own hand, to train on.", min=20
        ),
    ] = 160,
    lead_ms: Annotated[
        float,
        typer.Option(
            metavar="MS", help="Train NER to predict the hand this much later, in ms.", min=0
        ),
    ] = 75.0,
    seed: Seed = 0,
    out: Annotated[Path, out_option("all results; must be new")] = Path("rt-ner-closed-loop"),
    another_day: Annotated[
        bool,
        typer.Option("--another-day", help="Also change the neurons and recalibrate to them."),
    ] = False,
    view: Annotated[
        bool, typer.Option("--view", help="Show every block in a live window.")
    ] = False,
    speed: Speed = 1.0,
    config: ConfigPath = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Run complete sessions with a simulated subject.

    Calibrates, trains, decodes, recalibrates and scores. Subject, task and decoder are separate
    processes on LSL, in real time; the usual trials take about 25 minutes. For comparison, the
    same subject controls a Kalman filter on binned counts, recalibrated likewise, and an ideal
    decoder that returns what the subject intends. With --speed, the computer's own delays count
    that many times.

    Example: rt-ner closed-loop --trials 40 --speed 2 --out closed-loop
    """
    require_training()
    from offline_training.closed_loop.pipeline import LoopPlan, run_closed_loop
    from offline_training.options import pick_device
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
    with show_progress() as shown:
        result = run_closed_loop(plan, shown)
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
    bundle: BundlePath,
    out: Annotated[Path, out_option("the recalibrated bundle")],
    reaches: Annotated[
        int, typer.Option(metavar="N", help="Number of reaches to listen to.", min=10)
    ] = 80,
    block: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Use a saved block (.npz) or a recording (.xdf) instead of listening.",
        ),
    ] = None,
    part: Annotated[
        Part,
        typer.Option(
            help="Part to refit: the readout, in seconds, or encoder and readout, in minutes."
        ),
    ] = Part.READOUT,
    session: Annotated[
        Path | None, session_option("The one that BUNDLE was trained on; for --part encoder.")
    ] = None,
    decoder: DecoderName = "rt-ner",
    task: TaskName = "task",
    overwrite: Overwrite = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Refit a bundle to what the subject intended.

    Listens to a running decoder and task, assumes that the subject aimed at the target (ReFIT),
    fits the first reaches, and compares the result with BUNDLE on the last fifth. Writes the new
    bundle only if it is better (exit code 2 if not). The block that was heard is saved beside it
    either way. A decoder started with --next swaps to the new bundle with the key w.

    Example: rt-ner recalibrate m1-bundle --out m1-recalibrated
    """
    require_training()
    from offline_training.closed_loop.encoder import (
        recalibrate_encoder,
        recalibrate_readout,
    )
    from offline_training.options import pick_device
    from offline_training.training import save_trained
    from rt_ner.bundle.storage import load_bundle
    from rt_ner.recalibration.block_file import block_of_xdf, load_block, save_block

    in_use = load_bundle(bundle)
    known = _known(session, in_use) if part is Part.ENCODER else None
    if out.exists() and not overwrite:
        raise ConfigError(f"--out {out} exists: name a new folder, or say --overwrite")
    check_home(out)
    kept = block or out.with_name(f"{out.name}.block.npz")
    with show_progress() as shown:
        if block is None:
            heard = _heard(task, decoder, reaches, shown)
            save_block(heard, kept)
        else:
            is_xdf = block.suffix.lower() == ".xdf"
            heard = block_of_xdf(block, decoder, task) if is_xdf else load_block(block)
        stage = f"fitting the {part}"
        shown(stage, 0.0)
        if known is None:
            found = recalibrate_readout(heard, in_use)
        else:
            found = recalibrate_encoder(
                heard, in_use, known, pick_device(device),
                lambda done: shown(stage, done),
            )  # fmt: skip
        shown(stage, 1.0)
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
    bundle: BundlePath,
    out: Annotated[Path, out_option("the adapted bundle, the --next of rt-ner decode")],
    half_life: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="Age at which a reach counts half, e.g. 60.", min=10),
    ] = 120.0,
    every: Annotated[
        float, typer.Option(metavar="SECONDS", help="Time between steps.", min=5)
    ] = 15.0,
    method: Annotated[
        AdaptationMethod,
        typer.Option(help="Recursive least squares (rls) or the reference, SmoothBatch."),
    ] = AdaptationMethod.RLS,
    control_as: ControlAs = "adapt",
    decoder: DecoderName = "rt-ner",
    task: TaskName = "task",
) -> None:
    """Adapt the readout continuously, until Ctrl-C.

    Listens to a running decoder and task as rt-ner recalibrate does. Each step writes the adapted
    bundle and tells the decoder to swap to it. The readout stays close to that of BUNDLE, at the
    same speed. The decoder's key u undoes a step. Nothing adapts without this command.

    Example: rt-ner adapt m1-bundle --out m1-adapted

    The decoder for it: rt-ner decode m1-bundle --next m1-adapted --commands adapt/commands
    """
    require_training()
    from rt_ner.bundle.storage import check_writable, load_bundle
    from rt_ner.live.learning.adapting import AdaptPlan, run_adaptation
    from rt_ner.lsl.streams import quiet_liblsl

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
    from rt_ner.data.loading import load_session

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


def _heard(task: str, decoder: str, reaches: int, shown: StageProgress) -> "ClosedLoopBlock":
    """Return a block of a running loop, and show what is missing meanwhile."""
    from rt_ner.live.learning.block_recorder import hear_block
    from rt_ner.lsl.streams import quiet_liblsl

    quiet_liblsl()
    said = ""

    def show(done: float, problem: str) -> None:
        nonlocal said
        if problem != said:
            said = problem
            shown.say(problem or "all streams are there")
        shown("listening", done)

    with stop_on_signals() as stop:
        heard = hear_block(task, decoder, reaches, stop, show)
        if stop.is_set() and heard.n_reaches < reaches:
            shown.say(f"stopped after {heard.n_reaches} reaches: fitting to these")
    return heard


def _settings(config: Path | None, seed: int) -> "TrainSettings":
    """The file's, or the usual ones with a window that is finer and shorter: better in the loop."""
    from offline_training.settings import WindowSettings

    settings = train_settings(config, seed)
    if config is not None:
        return settings
    return settings.model_copy(update={"window": WindowSettings(bin_ms=20.0, history_bins=12)})
