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
            help="Recorded session files, e.g. day1.xdf day2.xdf; each is watched on its own.",
        ),
    ],
    expect: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Bundle or session file that shows how the channels fire, e.g. day1.npz; of a "
            "session, the first 80 % of the trials. Default: those of each session itself.",
        ),
    ] = None,
    trials: Annotated[
        int, typer.Option(metavar="N", help="Number of faults of each kind per session.", min=1)
    ] = 200,
    hours: Annotated[
        float,
        typer.Option(
            metavar="HOURS", help="Time to play each session without faults, e.g. 0.5.", min=0.01
        ),
    ] = 10.0,
    recipe: RecipePath = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Count the channel faults that the live watch names in time.

    Plays the counts of the last fifth of each session in a loop (with --expect: of the whole
    session), adds faults, and counts those that are named within 10 s. Also plays the loop without
    faults, and counts false alarms. Of channels that rarely fire, no silence is expected to be
    named.

    Example: rt-ner bench watch day2.npz day3.npz --expect day1.npz
    """
    from rt_ner.bench.watch.summary import measure_watch, rows_of
    from rt_ner.data.loading import load_session
    from rt_ner.terminal.progress import show_progress

    with show_progress() as shown:
        load = partial(load_session, recipe=recipe)
        summary = measure_watch(sessions, expect, (trials, hours), seed, shown, load)
    show("Faults named within 10 s (95 % interval)", summary, rows_of(summary), as_json)
