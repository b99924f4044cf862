"""Command that measures the selection by clicks. Torch is imported when it runs."""

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from offline_training.closed_loop.in_process.options import Subjects
from offline_training.options import pick_device, require_training
from rt_ner.terminal.options import (
    AreaName,
    AsJson,
    ConfigPath,
    Device,
    RecipePath,
    UnitsOf,
    check_recipe_use,
    print_json,
)
from rt_ner.terminal.progress import show_progress

if TYPE_CHECKING:
    from offline_training.bench.grid.measurement import GridPlan

# In two lines each, so that the table is no wider than 80 characters.
_COLUMNS = {
    "bitrate_bps": "net bit rate\n(bit/s)",
    "throughput_bps": "throughput\n(bit/s)",
    "success_rate": "success",
    "false_clicks_per_min": "false clicks\nper minute",
    "unmeant_clicks_per_min": "not meant\n(per min)",
}


def bench_grid(
    session: UnitsOf = None,
    recipe: RecipePath = None,
    area: AreaName = None,
    side: Annotated[
        int, typer.Option(metavar="N", help="Number of cells along each side.", min=2, max=30)
    ] = 6,
    calibration_s: Annotated[
        float, typer.Option(metavar="SECONDS", help="Duration of the calibration.", min=20)
    ] = 40.0,
    trials: Annotated[
        int, typer.Option(metavar="N", help="Number of selections per block.", min=20)
    ] = 200,
    seeds: Subjects = 5,
    config: ConfigPath = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure the net bit rate of selection by clicks on a grid.

    A simulated subject calibrates with its own hand and button, for a short time. NER learns
    velocity and click. The subject then selects the cells of a grid, by clicks and by staying in
    them, with NER and with an ideal decoder that returns what the subject intends. Aims: 0.8 of the
    ideal decoder's net bit rate, and at most one false click per minute. All in one process,
    without LSL.

    Example: rt-ner bench grid --side 6 --seeds 5 --json
    """
    require_training()
    from offline_training.bench.grid.measurement import GridPlan, measure_grid, summary_of
    from offline_training.closed_loop.commands import loop_settings
    from offline_training.closed_loop.in_process.first_day import neurons_of
    from rt_ner.data.loading import load_session

    check_recipe_use(session, recipe)
    with show_progress() as shown:
        recorded = load_session(session, area, None, shown.warn, recipe) if session else None
        plan = GridPlan(
            neurons=neurons_of(recorded),
            settings=loop_settings(config, 0),
            device=pick_device(device),
            grid_side=side,
            calibration_s=calibration_s,
            trials=trials,
        )
        rows = measure_grid(plan, range(seeds), shown)
    summary = summary_of(rows)
    if as_json:
        print_json({"grid_side": side, "calibration_s": calibration_s, "rows": rows} | summary)
        return
    _print(plan, seeds, summary)


def _print(plan: "GridPlan", seeds: int, summary: dict[str, Any]) -> None:
    side = plan.grid_side
    title = (
        f"{side} × {side} cells, {plan.calibration_s:g} s of calibration, mean of {seeds} subjects"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("decoder,\nselection", no_wrap=True)
    for heading in _COLUMNS.values():
        table.add_column(heading, justify="right", no_wrap=True)
    for name, means in summary["means"].items():
        table.add_row(name, *(_cell(means.get(key, math.nan)) for key in _COLUMNS))
    console = Console(highlight=False, markup=False)
    console.print(table)
    console.print(
        f"click: {summary['of_ideal']:.2f} of the ideal decoder's net bit rate "
        f"({_met(summary['is_rate_met'])}), {summary['false_clicks_per_min']:.2f} false clicks per "
        f"minute ({_met(summary['are_false_clicks_met'])})"
    )


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2f}"


def _met(is_met: bool) -> str:
    return "met" if is_met else "not met"
