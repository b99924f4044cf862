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
            help="Settings of a sweep (TOML), e.g. of 60 fits, by a grid or at random.",
        ),
    ],
    kills: Annotated[
        int, typer.Option(metavar="N", help="Number of processes to kill at random.", min=0)
    ] = 20,
    seed: Annotated[
        int, typer.Option(metavar="N", help="Random seed of the moments and victims.", min=0)
    ] = 0,
    folder: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep the three sweeps here. Default: discard them."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Time a sweep on two workers, and kill it at random.

    Runs the sweep three times: with one worker, with two, and with two while workers and the
    sweep's own process (which holds the scheduler) are killed at random moments and the sweep is
    resumed. Reports the ratio of throughput, fits lost or done twice, and if the three tables are
    the same, byte by byte. Needs a computer that does nothing else.

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
