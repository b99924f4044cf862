"""Command that measures a decoder over many days of use. Torch is imported when it runs."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from offline_training.closed_loop.in_process.options import HandTrials, Subjects
from offline_training.engines.options import Scheduler, Workers, chosen_engine
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
    from offline_training.bench.days.summary import Summary


def bench_days(
    session: UnitsOf = None,
    recipe: RecipePath = None,
    area: AreaName = None,
    days: Annotated[
        int, typer.Option(metavar="N", help="Number of days after day one.", min=1)
    ] = 60,
    seeds: Subjects = 5,
    first_seed: Annotated[
        int, typer.Option(metavar="N", help="First of the random seeds.", min=0)
    ] = 0,
    trials: Annotated[
        int, typer.Option(metavar="N", help="Number of trials per block; two per day.", min=20)
    ] = 100,
    calibration: HandTrials = 160,
    config: ConfigPath = None,
    device: Device = "auto",
    workers: Workers = None,
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Score a decoder over many days of ordinary use.

    A simulated subject calibrates once, with its own hand, and then uses the decoder every day. The
    neurons drift. Each week, 30 % of the units are replaced, and preferred directions drift by 20°.
    Each night, baseline rates change by 15 % and depths of tuning by 8 % (standard deviations).
    The decoder has a running normalisation. After each block, the targets that the subject must
    have aimed at are inferred from those on the screen, and the encoder learns from them. Three
    others for comparison: one never changes; one only matches the distributions of channels and
    latents to day one; one learns from shuffled targets. They end after three days with less than
    50 % success. All in one process, without LSL, many times faster than real time.

    Example: rt-ner bench days --days 60 --seeds 5 --json
    """
    require_training()
    from offline_training.bench.days.keepers import Condition
    from offline_training.bench.days.measurement import DaysPlan, measure_days
    from offline_training.bench.days.summary import summary_of
    from offline_training.closed_loop.commands import loop_settings
    from offline_training.closed_loop.in_process.first_day import neurons_of
    from rt_ner.data.loading import load_session

    check_recipe_use(session, recipe)
    settings = loop_settings(config, 0)
    followed = settings.normalisation.model_copy(update={"use": "on"})
    with show_progress() as shown:
        recorded = load_session(session, area, None, shown.warn, recipe) if session else None
        plan = DaysPlan(
            neurons=neurons_of(recorded),
            settings=settings.model_copy(update={"normalisation": followed}),
            device=pick_device(device),
            calibration_trials=calibration,
            trials=trials,
            days=days,
            conditions=tuple(Condition),
        )
        all_seeds = range(first_seed, first_seed + seeds)
        with chosen_engine(workers, scheduler, shown.warn) as engine:
            rows = measure_days(plan, all_seeds, shown, engine)
    summary = summary_of(rows)
    if as_json:
        found = {name: asdict(each) for name, each in summary.items()}
        print_json({"days": days, "rows": [asdict(row) for row in rows], "summary": found})
        return
    title = f"{days} days of use, mean of {seeds} seeds (95 % interval)"
    Console(highlight=False, markup=False).print(_table(title, summary))


def _table(title: str, summary: "dict[str, Summary]") -> Table:
    table = Table(title=title, title_justify="left")
    for column in (
        "decoder",
        "days",
        "throughput, of day one",
        "worst day",
        "success",
        "worst day",
    ):
        table.add_column(column)
    for name, found in summary.items():
        table.add_row(
            name,
            str(found.n_days),
            f"{found.of_day_one:.2f}",
            f"{found.least_of_day_one:.2f}",
            f"{found.success_rate:.3f}",
            f"{found.least_success:.2f}",
        )
    return table
