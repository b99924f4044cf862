"""Command that times recalibration beside a running decoder. Torch is imported when it runs."""

import os
from dataclasses import asdict
from typing import Annotated

import typer

from offline_training.options import require_training
from rt_ner.terminal.options import AsJson, BundlePath


def bench_adapting(
    bundle: BundlePath,
    reaches: Annotated[
        int, typer.Option(metavar="N", help="Number of reaches to learn from.", min=10)
    ] = 80,
    seconds: Annotated[
        float, typer.Option(metavar="SECONDS", help="Time to decode alone, before.", min=1)
    ] = 20.0,
    as_json: AsJson = False,
) -> None:
    """Time recalibration beside a running decoder.

    Decodes in real time over LSL. Meanwhile, readout and encoder learn from simulated reaches, in
    the process that rt-ner adapt uses. Counts the deadlines that the decoder misses. The time also
    depends on what else the computer does, so its load is shown too.

    Example: rt-ner bench adapting m1-bundle
    """
    require_training()
    from rt_ner.bench.show import bench_folder, show

    with bench_folder() as (folder, progress):
        # Not on Windows, which the folder refuses.
        from offline_training.bench.adapting.measurement import measure_adapting

        found = measure_adapting(bundle, reaches, seconds, folder, progress.print)
    load = os.getloadavg()[0]
    summary: dict[str, object] = {name: asdict(period) for name, period in found.items()}
    summary |= {"reaches": reaches, "load_1_min": load, "cores": os.cpu_count()}
    rows = {
        name: f"{period.wall_s:.1f} s ({period.cpu_s:.1f} s of computing), {period.hops} hops, "
        f"{period.missed} deadlines missed"
        for name, period in found.items()
    }
    rows["load of the computer"] = f"{load:.1f} on {os.cpu_count()} cores, the mean of 1 min"
    show(f"learning from {reaches} reaches beside a decoder", summary, rows, as_json)
