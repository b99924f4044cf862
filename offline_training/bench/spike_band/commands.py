"""Command that measures spike-band power beside crossings. Torch is imported when it runs."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from offline_training.methods.names import MethodName
from offline_training.options import pick_device, require_training
from rt_ner.terminal.options import AsJson, Device, Seed, print_json
from rt_ner.terminal.progress import show_progress


def bench_spike_band(
    trials: Annotated[
        int, typer.Option(metavar="N", help="Number of simulated trials.", min=10)
    ] = 80,
    channels: Annotated[int, typer.Option(metavar="N", help="Number of electrodes.", min=2)] = 64,
    method: Annotated[
        str,
        typer.Option(metavar="NAME", help="Decoder to train, as in rt-ner compare, e.g. ner."),
    ] = MethodName.WIENER.value,
    seed: Seed = 0,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Score spike-band power and crossings side by side.

    Makes voltage of a simulated session, with spikes of 3 to 8 RMS, alone and with a noise that
    banks of channels share. Trains on both values under every reference, and on the true spikes.
    """
    require_training()
    from offline_training.bench.spike_band.measurement import Simulation, measure_spike_band
    from offline_training.methods.registry import named_methods

    (chosen,) = named_methods([method])
    simulation = Simulation(trials, channels, chosen, seed, pick_device(device))
    with show_progress() as shown:
        rows = measure_spike_band(simulation, lambda part: shown("measuring", part))
    if as_json:
        print_json({"trials": trials, "channels": channels, "method": method, "scores": rows})
        return
    table = Table(title=f"Velocity R² of {method}, held out", title_justify="left")
    for title in rows[0]:
        table.add_column(title.replace("_r2", " R²").replace("r2", "R²").replace("_", " "))
    for row in rows:
        table.add_row(*(f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()))
    Console(highlight=False, markup=False).print(table)
