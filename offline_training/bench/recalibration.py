"""Command that scores recalibration on a real recording. Torch is imported when it runs."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from offline_training.options import require_training
from rt_ner.terminal.options import AsJson, Device, Seed, print_json
from rt_ner.terminal.progress import show_progress


def bench_recalibration(
    recording: Annotated[
        Path, typer.Argument(metavar="RECORDING", help="Recording of Degenhart et al. 2020 (.npz).")
    ],
    disturbances: Annotated[
        int, typer.Option(metavar="N", help="Number of different disturbances.", min=1)
    ] = 5,
    seed: Seed = 0,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Score recalibration on a real closed-loop recording.

    Decodes intention from the recording, disturbs its signals, and recalibrates.
    """
    require_training()
    from offline_training.bench.real_loop.disturbance import measure_disturbances
    from offline_training.bench.real_loop.stabilized import read_stabilized
    from offline_training.options import pick_device

    read = read_stabilized(recording)
    with show_progress() as shown:
        result = measure_disturbances(read, disturbances, seed, pick_device(device), shown)
    if as_json:
        print_json(result)
        return
    _print_result(result)


def _print_result(result: dict[str, object]) -> None:
    console = Console(highlight=False, markup=False)
    angles, found, recovered = (result[key] for key in ("angles", "disturbances", "recovered"))
    assert isinstance(angles, dict)
    assert isinstance(found, list)
    assert isinstance(recovered, dict)
    console.print(_table_of_angles(angles))
    console.print(_table_of_disturbances(found))
    parts = ", ".join(f"{part} {share:.0%}" for part, share in recovered.items())
    console.print(
        f"Recovered from {result['recalibrated_from_trials']} trials: {parts} of the loss"
    )


def _table_of_angles(angles: dict[str, dict[str, float]]) -> Table:
    table = Table(title="Mean angle to the intended velocity (°)", title_justify="left")
    for title in ("decoder", "later baseline", "after stabilisation"):
        table.add_column(title)
    for name, row in angles.items():
        table.add_row(name.replace("_", " "), *(f"{angle:.1f}" for angle in row.values()))
    return table


def _table_of_disturbances(found: list[dict[str, float]]) -> Table:
    table = Table(title="After disturbances (°)", title_justify="left")
    for key in found[0]:
        table.add_column(key.removesuffix("_deg").replace("_", " "), justify="right")
    for row in found:
        table.add_row(*(f"{angle:.1f}" for angle in row.values()))
    return table
