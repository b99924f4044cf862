"""Command that does faults to a whole rig."""

from pathlib import Path
from typing import Annotated

import typer

from rt_ner.bench.latency.commands import bundle_for
from rt_ner.bench.show import bench_folder, show
from rt_ner.terminal.options import AsJson

app = typer.Typer()
_CHANNELS, _HOP_MS = 96, 10.0


@app.command()
def rig(
    bundle: Annotated[
        Path | None,
        typer.Argument(
            metavar="BUNDLE",
            help="Folder of a trained bundle of 96 channels. Default: an untrained one.",
        ),
    ] = None,
    minutes: Annotated[
        float, typer.Option(metavar="MINUTES", help="Duration, e.g. 20.", min=0.1)
    ] = 5.0,
    every_s: Annotated[
        float, typer.Option("--every", metavar="SECONDS", help="Time between two faults.", min=1)
    ] = 10.0,
    seed: Annotated[
        int, typer.Option(metavar="N", help="Order of the faults; the same number, the same order.")
    ] = 0,
    alone: Annotated[
        bool,
        typer.Option(
            "--alone",
            help="Cut the network and fill the disk too. Only as root, with network and mounts "
            "that no other program has: unshare --net --mount rt-ner bench rig --alone.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Do faults to a whole rig at random, and see it recover.

    Kills and freezes its parts, opens streams of strangers and a second decoder of the same name.
    Reports when all was well again, and every velocity that was not zero outside RUNNING.

    Example: rt-ner bench rig --minutes 20
    """
    from rt_ner.bench.chaos.measurement import ChaosPlan, measure_chaos

    with bench_folder() as (folder, progress):
        used, _ = bundle_for(bundle, folder, _CHANNELS, _HOP_MS)
        rig_folder = folder / "rig"
        rig_folder.mkdir()
        plan = ChaosPlan(used, 60 * minutes, every_s, seed, alone)
        summary = measure_chaos(plan, rig_folder, progress.print).summary()
    faults = {
        name: f"{found['times']} ×, well at most {found['longest_until_well_s']} s after"
        for name, found in summary["faults"].items()
    }
    rows = faults | {
        "never well again": str(summary["never_well"]),
        "velocities that were not zero": f"{summary['velocities_not_zero']:,}",
        "… outside RUNNING": str(summary["of_these_outside_running"]),
        "… in a hop whose state was lost": str(summary["of_these_in_an_unknown_state"]),
        "the oldest of them": f"{summary['oldest_velocity_ms']:g} ms after its hop",
        "left running at the end": ", ".join(summary["left_running"]) or "nothing",
    }
    show(f"faults in a rig, one every {every_s:g} s", summary, rows, as_json)
