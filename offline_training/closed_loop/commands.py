"""The closed loop's commands. Torch is imported when they run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from offline_training.options import require_training, train_settings
from rt_ner.core.atomic_files import check_home
from rt_ner.core.errors import ConfigError
from rt_ner.system.display import check_display
from rt_ner.terminal.options import (
    AreaName,
    AsJson,
    ConfigPath,
    Device,
    RecipePath,
    Seed,
    Speed,
    UnitsOf,
    check_recipe_use,
    out_option,
    print_json,
    recipe_arguments,
)
from rt_ner.terminal.progress import show_progress

if TYPE_CHECKING:
    from offline_training.closed_loop.pipeline import LoopResult
    from offline_training.settings import TrainSettings

_SCORES = {
    "success_rate": "success",
    "acquire_s_median": "acquire (s)",
    "path_efficiency": "path efficiency",
    "throughput_bps": "throughput (bit/s)",
    "bitrate_bps": "bit rate (bit/s)",
}


def closed_loop(
    session: UnitsOf = None,
    recipe: RecipePath = None,
    area: AreaName = None,
    trials: Annotated[
        int, typer.Option(metavar="N", help="Number of trials per block.", min=10)
    ] = 100,
    calibration: Annotated[
        int,
        typer.Option(
            metavar="N", help="Number of training trials, with the subject's own hand.", min=20
        ),
    ] = 160,
    lead_ms: Annotated[
        float,
        typer.Option(metavar="MS", help="Train NER to predict the hand this many ms ahead.", min=0),
    ] = 75.0,
    seed: Seed = 0,
    out: Annotated[Path, out_option("all results; must be new")] = Path("rt-ner-closed-loop"),
    another_day: Annotated[
        bool,
        typer.Option(
            "--another-day", help="Then change the neurons, and recalibrate in two rounds of use."
        ),
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
    processes on LSL, in real time; the default trials take about 25 minutes. For comparison, the
    same subject controls a Kalman filter on binned counts, recalibrated with ReFIT, and an ideal
    decoder that returns what the subject intends. At --speed 2, the computer's own delays
    have twice their effect.

    Example: rt-ner closed-loop --trials 40 --speed 2 --out closed-loop
    """
    require_training()
    from offline_training.closed_loop.pipeline import LoopPlan, run_closed_loop
    from offline_training.options import pick_device
    from rt_ner.lsl.streams import quiet_liblsl

    check_recipe_use(session, recipe)
    if out.exists():
        raise ConfigError(f"--out {out} exists: name a new folder")
    check_home(out)
    if view:
        check_display()
    quiet_liblsl()
    neurons: list[str] = [] if session is None else ["--session", str(session.resolve())]
    neurons += recipe_arguments(recipe)
    neurons += [] if area is None else ["--area", area]
    plan = LoopPlan(
        folder=out,
        calibration_trials=calibration,
        trials=trials,
        lead_ms=lead_ms,
        seed=seed,
        subject=tuple(neurons),
        settings=loop_settings(config, seed),
        device=pick_device(device),
        speed=speed,
        with_another_day=another_day,
        with_view=view,
    )
    with show_progress() as shown:
        result = run_closed_loop(plan, shown, shown.warn)
    if as_json:
        print_json(result.summary())
    else:
        _print(result, trials)


def _print(result: "LoopResult", trials: int) -> None:
    """Print a table of all blocks, and if recalibration won in the loop."""
    speed = result.speed
    clock = "in real time" if speed == 1 else f"{speed:g} times faster than real time"
    table = Table(title=f"{trials} trials per block, {clock}", title_justify="left")
    table.add_column("block")
    for title in _SCORES.values():
        table.add_column(title, justify="right")
    references = [*result.references["kalman"], *result.references["ideal"]]
    for block in [*result.blocks, *result.another_day, *references]:
        table.add_row(str(block["name"]), *(f"{block[score]:.3f}" for score in _SCORES))
    console = Console(highlight=False, markup=False)
    console.print(table)
    for name, found in result.recalibrations.items():
        console.print(
            f"{name}: recalibration {'won' if found.is_kept else 'lost'} in the loop, "
            f"{found.refitted_bps:.2f} against {found.in_use_bps:.2f} bit/s"
        )


def loop_settings(config: Path | None, seed: int) -> "TrainSettings":
    """Return the file's settings, or the defaults with a finer and shorter window.

    In the loop such a window was better.
    """
    from offline_training.settings import WindowSettings

    settings = train_settings(config, seed)
    if config is not None:
        return settings
    return settings.model_copy(update={"window": WindowSettings(bin_ms=20.0, history_bins=12)})
