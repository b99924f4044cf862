"""Define the command that measures the watch over the channels."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from rt_ner.bench.show import show
from rt_ner.terminal.options import AsJson, RecipePath, Seed

app = typer.Typer()


@app.command()
def watch(
    sessions: Annotated[
        list[Path],
        typer.Argument(
            metavar="SESSION...",
            help="Recorded session file, e.g. day1.xdf. Several are watched one by one.",
        ),
    ],
    expect: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Bundle or session file that says how each channel fires, e.g. day1.npz. "
            "Default: the first 80 % of each session.",
        ),
    ] = None,
    trials: Annotated[
        int, typer.Option(metavar="N", help="Number of faults of each kind per session.", min=1)
    ] = 200,
    hours: Annotated[
        float,
        typer.Option(metavar="HOURS", help="Time without faults per session.", min=0.01),
    ] = 10.0,
    recipe: RecipePath = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Count the faults of channels that are told in time.

    Plays the counts of each session's last fifth in a loop (with --expect: all of it), puts faults
    into them, and counts those that are named within 10 s. Without faults, counts false alarms.

    Example: rt-ner bench watch day1.npz day2.npz --expect day1.npz
    """
    from rt_ner.bench.watch.summary import measure_watch, rows_of
    from rt_ner.data.loading import load_session
    from rt_ner.terminal.progress import show_progress

    with show_progress() as shown:
        load = partial(load_session, recipe=recipe)
        summary = measure_watch(sessions, expect, (trials, hours), seed, shown, load)
    show("Faults named within 10 s", summary, rows_of(summary), as_json)
