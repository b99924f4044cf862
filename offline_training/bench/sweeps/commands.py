"""Command that measures sweeps."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from offline_training.options import require_training
from rt_ner.terminal.options import AsJson, print_json, table_of


def bench_sweep(
    config: Annotated[
        Path,
        typer.Argument(
            metavar="CONFIG",
            help="Settings file of a sweep, e.g. sweep.toml with about 60 fits, not by Optuna.",
        ),
    ],
    kills: Annotated[
        int, typer.Option(metavar="N", help="Number of processes to kill at random.", min=0)
    ] = 20,
    seed: Annotated[
        int,
        typer.Option(
            metavar="N", help="Random seed for when, and which, processes are killed.", min=0
        ),
    ] = 0,
    folder: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep the three sweeps here. Default: discard them."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a sweep on two workers, and kill it at random.

    Runs the sweep three times: with one worker, with two, and with two while workers and the
    sweep's own process (which holds the scheduler) are killed at random moments and the sweep is
    resumed. Reports how much faster two workers are, how many fits were lost or done twice, and if
    all three sweeps give identical tables. Run nothing else meanwhile.

    Example: rt-ner bench sweep sweep.toml --kills 20 --json
    """
    require_training()
    from offline_training.bench.sweeps.measurement import measure_sweep

    tell = Console(stderr=True, highlight=False, markup=False).print
    result = asdict(measure_sweep(config, kills, seed, folder, tell))
    if as_json:
        print_json(result)
        return
    table = table_of(f"{config}: {result['fits']} fits")
    for name, value in result.items():
        shown = f"{value:.3g}" if isinstance(value, float) else str(value)
        table.add_row(name.replace("_", " "), shown)
    Console(highlight=False, markup=False).print(table)
