"""The closed loop's command. Torch is imported when it runs."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from offline_training.options import (
    AsJson,
    ConfigPath,
    Device,
    print_json,
    require_training,
    train_settings,
)
from rt_ner.errors import ConfigError
from rt_ner.folders import check_home

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
    ] = 50.0,
    seed: Annotated[int, typer.Option(help="Of the subject, and of learning.", min=0)] = 0,
    out: Annotated[Path, typer.Option(help="New folder for everything.")] = Path(
        "rt-ner-closed-loop"
    ),
    config: ConfigPath = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Close the loop with a simulated subject: calibrate, train, decode, recalibrate, score.

    Subject, task and decoder are processes of their own on real LSL, in real time. Beside NER, the
    same subject with a Kalman filter on binned counts, recalibrated likewise, and with an ideal
    decoder that gives what the subject means. Takes some 25 minutes with the usual trials.
    """
    require_training()
    from offline_training.closed_loop.pipeline import LoopPlan, run_closed_loop
    from offline_training.trainer import pick_device
    from rt_ner.streams import quiet_liblsl

    if out.exists():
        raise ConfigError(f"--out {out} exists: name a new folder")
    check_home(out)
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
        settings=train_settings(config, seed),
        device=pick_device(device),
    )
    with _bars() as bars:
        tasks: dict[str, TaskID] = {}

        def progress(what: str, part: float) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=1.0)
            bars.update(tasks[what], completed=part)

        result = run_closed_loop(plan, progress)
    summary = result.summary()
    if as_json:
        print_json(summary)
        return
    table = Table(title=f"{trials} trials a block", title_justify="left")
    table.add_column("block")
    for title in _SCORES.values():
        table.add_column(title, justify="right")
    for block in [*result.blocks, *result.references["kalman"], *result.references["ideal"]]:
        table.add_row(str(block["name"]), *(f"{block[score]:.3f}" for score in _SCORES))
    console = Console(highlight=False, markup=False)
    console.print(table)
    for name, found in result.recalibrations.items():
        console.print(
            f"{name}: ReFIT {'won' if found.is_kept else 'lost'} in the loop, "
            f"{found.refitted_bps:.2f} against {found.in_use_bps:.2f} bit/s"
        )


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description:<20}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
