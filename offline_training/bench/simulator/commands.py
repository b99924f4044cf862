"""Command that checks the simulated subject. Torch is imported when it runs."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from offline_training.closed_loop.in_process.options import BlockTrials, HandTrials, Subjects
from offline_training.options import pick_device, require_training
from rt_ner.core.quantities.interval import mean_of
from rt_ner.terminal.options import AsJson, ConfigPath, Device, print_json
from rt_ner.terminal.progress import show_progress

if TYPE_CHECKING:
    from offline_training.bench.simulator.days import DayChanges
    from offline_training.bench.simulator.orderings import Ordering
    from offline_training.bench.simulator.recorded.comparison import Statistics


def bench_simulator(
    recording: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Recording of Degenhart et al. 2020 (.npz): compare its angles with those of a "
            "simulated session fitted to it.",
        ),
    ] = None,
    days: Annotated[
        list[Path] | None,
        typer.Option(
            "--day",
            metavar="FILE",
            help="Recording with its date in the name, once per day: compare how channels change "
            "with the simulated array.",
        ),
    ] = None,
    seeds: Subjects = 5,
    trials: BlockTrials = 100,
    calibration: HandTrials = 160,
    config: ConfigPath = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Compare the simulated subject with real ones.

    Without a recording, measures orderings that were published: ReFIT against the Kalman filter,
    delays of 0 to 300 ms that are added to the loop, bins of 25 to 200 ms, and decoders.

    Example: rt-ner bench simulator --seeds 5 --json
    """
    require_training()
    found: list[tuple[dict[str, object], Table]] = []
    if recording is not None:
        found.append(_of_recording(recording, seeds, device))
    if days:
        found.append(_of_days(days, seeds))
    if not found:
        found.append(_of_orderings((calibration, trials), seeds, config, device))
    if as_json:
        print_json({name: value for values, _ in found for name, value in values.items()})
        return
    for _, table in found:
        Console(highlight=False, markup=False).print(table)


def _of_orderings(
    n_trials: tuple[int, int], seeds: int, config: Path | None, device: Device
) -> tuple[dict[str, object], Table]:
    from offline_training.bench.simulator.blocks import BlocksPlan, measure_blocks
    from offline_training.bench.simulator.orderings import orderings_of
    from offline_training.closed_loop.commands import loop_settings
    from offline_training.closed_loop.in_process.first_day import neurons_of

    settings = loop_settings(config, 0)
    plan = BlocksPlan(neurons_of(None), settings, pick_device(device), *n_trials)
    with show_progress() as shown:
        rows = measure_blocks(plan, range(seeds), shown)
    found = orderings_of(rows)
    values = {"rows": [asdict(row) for row in rows], "orderings": [asdict(one) for one in found]}
    return dict(values), _table_of_orderings(found, seeds)


def _of_recording(recording: Path, seeds: int, device: Device) -> tuple[dict[str, object], Table]:
    from offline_training.bench.simulator.recorded.comparison import measure_recording

    with show_progress() as shown:
        real, simulated = measure_recording(recording, seeds, pick_device(device), shown)
    values = {"recording": asdict(real), "simulated": [asdict(one) for one in simulated]}
    return dict(values), _table_of_statistics(real, simulated)


def _of_days(days: Sequence[Path], seeds: int) -> tuple[dict[str, object], Table]:
    from offline_training.bench.simulator.days import measure_days
    from rt_ner.data.loading import load_session

    found = measure_days([(path, load_session(path)) for path in days], range(seeds))
    return {"days": [asdict(row) for row in found]}, _table_of_days(found)


def _table_of_orderings(found: "Sequence[Ordering]", seeds: int) -> Table:
    table = _table(
        f"Mean of {seeds} seeds (95 % interval)", "ordering", "published", "measured", "holds"
    )
    for one in found:
        measured = "\n".join(f"{name}: {mean:.2f}" for name, mean in one.measured.items())
        published = f"{one.published} ({one.source})"
        table.add_row(one.name, published, measured, "yes" if one.holds else "no")
    return table


def _table_of_statistics(real: "Statistics", simulated: "Sequence[Statistics]") -> Table:
    title = f"Recording, and mean of {len(simulated)} simulated sessions (95 % interval)"
    table = _table(title, "", "recorded", "simulated")
    for name, value in vars(real).items():
        mean = mean_of([getattr(one, name) for one in simulated])
        table.add_row(name.replace("_", " "), f"{value:.2f}", f"{mean:.2f}")
    return table


def _table_of_days(found: "Sequence[DayChanges]") -> Table:
    names = {"rate": "log rate", "depth": "log depth of tuning", "turn_deg": "direction (°)"}
    columns = [f"{name}, {of}" for name in names.values() for of in ("recorded", "simulated")]
    title = "Change of channels: robust standard deviation, mean of pairs (95 % interval)"
    table = _table(title, "recordings", "pairs", *columns)
    for row in found:
        cells: list[str] = []
        for name in names:
            simulated = f"{row.simulated[name]:.2f}" if row.simulated else ""
            cells += [f"{row.recorded[name]:.2f}", simulated]
        table.add_row(row.days, str(row.pairs), *cells)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column)
    return table
