"""Command that measures the running normalisation under drift. Torch is imported when it runs."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from offline_training.options import pick_device, require_training, train_settings
from rt_ner.core.quantities.interval import Mean
from rt_ner.terminal.options import (
    AreaName,
    AsJson,
    ConfigPath,
    Device,
    Outputs,
    RecipePath,
    print_json,
)
from rt_ner.terminal.progress import show_progress


def bench_drift(
    sessions: Annotated[
        list[Path],
        typer.Argument(
            metavar="SESSION...",
            help="Recorded session files, e.g. day1.xdf day2.xdf; each is measured on its own.",
        ),
    ],
    recipe: RecipePath = None,
    area: AreaName = None,
    config: ConfigPath = None,
    outputs: Outputs = "",
    hours: Annotated[
        float,
        typer.Option(metavar="HOURS", help="Time to play each session, e.g. 0.5.", min=0.01),
    ] = 1.0,
    seeds: Annotated[
        int, typer.Option(metavar="N", help="Number of random seeds per session.", min=1)
    ] = 3,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Score decoding with and without the running normalisation.

    Trains a decoder with a running normalisation and one without, on the same trials. Plays the
    session over and over, once with channels that stay as they are, and once with channels that
    drift: each to a random gain of 0.7 to 1.4, and to 0 to 20 % more spikes. Scores the held-out
    trials of the last round. For comparison, also scores a decoder that is trained on the drifted
    channels.

    Example: rt-ner bench drift day1.xdf --hours 1 --json
    """
    require_training()
    from offline_training.bench.drift.measurement import DriftPlan, measure_drift, summary_of
    from rt_ner.data.loading import load_session

    settings = train_settings(config, None, outputs)
    with show_progress("R²") as shown:
        loaded = [load_session(path, area, None, shown.warn, recipe) for path in sessions]
        plan = DriftPlan(loaded, settings, pick_device(device), seeds, hours)
        rows = measure_drift(plan, shown, shown.warn)
    summary = summary_of(rows)
    if as_json:
        named = {name: asdict(mean) for name, mean in summary.items()}
        print_json({"hours": hours, "rows": [asdict(row) for row in rows], "summary": named})
        return
    Console(highlight=False, markup=False).print(_table(summary, len(rows)))


def _table(summary: Mapping[str, Mean], n_rows: int) -> Table:
    """Return the means with their intervals: without drift and with it."""
    table = Table(
        title=f"R² on held-out trials in the last round, mean of {n_rows} runs (95 % interval)",
        title_justify="left",
    )
    for title in ("channels", "normalisation off", "normalisation on", "gain"):
        table.add_column(title)
    for name in ("still", "drifting"):
        table.add_row(name, *(f"{summary[f'{name}_{x}']:.3f}" for x in ("off_r2", "on_r2", "gain")))
    table.add_row("drifted, retrained on them", f"{summary['retrained_r2']:.3f}", "", "")
    return table
