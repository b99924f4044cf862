"""Command that times training. Torch is imported when it runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from offline_training.options import require_training
from rt_ner.terminal.options import AsJson, RecipePath, print_json, table_of
from rt_ner.terminal.progress import show_progress

if TYPE_CHECKING:
    from offline_training.bench.learning.measurement import Curve


def bench_learning(
    sessions: Annotated[
        list[Path],
        typer.Argument(
            metavar="SESSION...", help="Recorded session files, e.g. day1.xdf day2.xdf."
        ),
    ],
    recipe: RecipePath = None,
    area: Annotated[
        str, typer.Option(metavar="AREA", help="Brain area, e.g. M1. Default: the first.")
    ] = "",
    seeds: Annotated[
        int, typer.Option(metavar="N", help="Random seeds per method and length.", min=1)
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Time each method's training until it has learned.

    Trains NER, the GRU, pi-VAE and CEBRA, each for a part of its usual steps, from a sixteenth to
    all, and scores the same held-out trials. Reports the time of the shortest training whose R² is
    at most 0.005 below that of the full one: the mean over sessions and seeds. Run nothing else
    meanwhile.

    Example: rt-ner bench learning day1.xdf day2.xdf --area M1 --json
    """
    require_training()
    from offline_training.bench.learning.measurement import measure_curves
    from offline_training.compare.evaluation_split import load_recordings

    recordings = load_recordings(sessions, [area] if area else (), recipe=recipe)
    with show_progress() as shown:
        curves = measure_curves(recordings, seeds, shown, shown.warn)
    if as_json:
        print_json({"sessions": len(recordings), "methods": [each.summary() for each in curves]})
        return
    Console(highlight=False, markup=False).print(_table(curves, len(recordings)))


def _table(curves: "list[Curve]", n_sessions: int) -> Table:
    """Return one row per method."""
    table = table_of(f"training on {n_sessions} sessions, held-out R²")
    for curve in curves:
        learned = curve.learned
        table.add_row(
            curve.method,
            f"R² {curve.final_r2:.3f} in {curve.trainings[-1].fit_s:.1f} s; within 0.005 of it in "
            f"{learned.fit_s:.1f} s ({learned.steps} steps, R² {learned.r2:.3f})",
        )
    return table
