"""Command that measures recalibration on another day. Torch is imported when it runs."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from offline_training.closed_loop.in_process.options import BlockTrials, HandTrials, Subjects
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
    from offline_training.bench.another_day.summary import Summary


def bench_another_day(
    session: UnitsOf = None,
    recipe: RecipePath = None,
    area: AreaName = None,
    seeds: Subjects = 5,
    trials: BlockTrials = 100,
    calibration: HandTrials = 160,
    use_s: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", help="Longest use of a block to learn from, e.g. 240.", min=30
        ),
    ] = 240.0,
    config: ConfigPath = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Score recalibration in the loop when the neurons have changed.

    A simulated subject uses the decoder of day one on another day. 30 % of the units are new; the
    others' preferred directions have turned by 20° and their depth of tuning has changed by 20 %
    (standard deviations). The encoder is recalibrated from this use, and once more from this and
    the next block together, even where the held-out angle grows. The intention is found by a model
    of reaching, by ReFIT, from the simulation itself (the upper bound), and by the model towards
    the targets of other reaches (the control). For comparison: day one, a new calibration by hand,
    and an ideal decoder. All in one process, without LSL, many times faster than real time.

    Example: rt-ner bench another-day --seeds 5 --json
    """
    require_training()
    from offline_training.bench.another_day.measurement import (
        DayPlan,
        Labels,
        measure_another_day,
    )
    from offline_training.bench.another_day.summary import summary_of
    from offline_training.closed_loop.commands import loop_settings
    from offline_training.closed_loop.in_process.first_day import neurons_of
    from rt_ner.data.loading import load_session

    check_recipe_use(session, recipe)
    settings = loop_settings(config, 0)
    with show_progress() as shown:
        recorded = load_session(session, area, None, shown.warn, recipe) if session else None
        plan = DayPlan(
            neurons=neurons_of(recorded),
            settings=settings,
            device=pick_device(device),
            calibration_trials=calibration,
            trials=trials,
            use_s=use_s,
            labels=tuple(Labels),
        )
        rows = measure_another_day(plan, range(seeds), shown)
    summary = summary_of(rows)
    if as_json:
        means = {name: asdict(found) for name, found in summary.items()}
        print_json({"trials": trials, "rows": [asdict(row) for row in rows], "summary": means})
        return
    title = f"Throughput in the loop, mean of {seeds} seeds (95 % interval), {trials} trials each"
    Console(highlight=False, markup=False).print(_table(title, summary))


def _table(title: str, summary: "dict[str, Summary]") -> Table:
    table = Table(title=title, title_justify="left")
    for column in ("block", "throughput (bit/s)", "of day one", "success"):
        table.add_column(column)
    for name, found in summary.items():
        table.add_row(name, *_cells(found))
    return table


def _cells(found: "Summary") -> Sequence[str]:
    return (
        f"{found.throughput_bps:.2f}",
        f"{found.of_day_one:.2f}",
        f"{100 * found.success_rate:.0f} %, at least {100 * found.least_success:.0f} %",
    )
