"""Command that measures joint training. Torch is imported when it runs."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from offline_training.options import pick_device, require_training, train_settings
from rt_ner.terminal.options import (
    AreaName,
    AsJson,
    ConfigPath,
    Device,
    Outputs,
    RecipePath,
    SettingsSeed,
    print_json,
)
from rt_ner.terminal.progress import show_progress

if TYPE_CHECKING:
    from offline_training.bench.joint.measurement import Measured


BenchWorkers = Annotated[
    int,
    typer.Option(
        "--workers",
        metavar="N",
        min=1,
        help="Compare with joint training on N processes, e.g. 2. Default: no comparison.",
    ),
]


def bench_joint(
    sessions: Annotated[
        list[Path],
        typer.Argument(
            metavar="SESSION...",
            help="Recorded session files, 3 or more, e.g. day1.xdf day2.xdf day3.xdf. The last is "
            "also the new day.",
        ),
    ],
    recipe: RecipePath = None,
    area: AreaName = None,
    config: ConfigPath = None,
    outputs: Outputs = "",
    seed: SettingsSeed = None,
    device: Device = "auto",
    workers: BenchWorkers = 1,
    as_json: AsJson = False,
) -> None:
    """Score joint training against separate trainings.

    Trains each session alone, and then all together, with a readout per session and with one for
    all. Trains all but the last together too, and learns the head of that one as of a new day.
    Scores the held-out trials of each session, next to a control that learned from shuffled trials.
    With --workers, trains all together once more, on several processes.

    Example: rt-ner bench joint day1.xdf day2.xdf day3.xdf --area M1 --json
    """
    require_training()
    from offline_training.bench.joint.measurement import Plan, measure_joint
    from offline_training.joint.sessions import Reading, load_sessions, prepare_days
    from rt_ner.core.errors import ConfigError

    if len(sessions) < 3:
        raise ConfigError(f"{len(sessions)} sessions: expected 3 or more, the last is the new day")
    settings = train_settings(config, seed, outputs)
    with show_progress("R²") as shown:
        reading = Reading(tuple(sessions), area, recipe=recipe)
        loaded = load_sessions(reading, shown.warn)
        days = prepare_days(loaded, settings, shown.warn)
        measured = measure_joint(Plan(days, settings, pick_device(device), workers), shown)
    if as_json:
        print_json(
            {
                "scores": [asdict(score) for score in measured.scores],
                "gain_over_separate": {
                    way: asdict(mean) for way, mean in measured.differences().items()
                },
                "seconds": {way: round(s, 1) for way, s in measured.seconds.items()},
            }
        )
        return
    Console(highlight=False, markup=False).print(_table(measured))


def _table(measured: "Measured") -> Table:
    """Return a row per way of training: mean R², control, gain and time."""
    table = Table(title="R² on held-out trials, mean of the sessions", title_justify="left")
    for title in ("training", "sessions", "R²", "control", "gain over separate (95 %)", "time"):
        table.add_column(title)
    gains = measured.differences()
    for way in dict.fromkeys(score.way for score in measured.scores):
        scores = measured.of(way)
        r2, shuffled_r2 = (
            sum(getattr(score, name) for score in scores) / len(scores)
            for name in ("r2", "shuffled_r2")
        )
        gain = f"{gains[way]:.4f}" if way in gains else ""
        seconds = measured.seconds[way if way in measured.seconds else way.partition(",")[0]]
        row = (way, str(len(scores)), f"{r2:.4f}", f"{shuffled_r2:.3f}", gain, f"{seconds:.1f} s")
        table.add_row(*row)
    return table
