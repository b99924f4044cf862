"""Command that does faults to a whole rig."""

from pathlib import Path
from typing import Annotated, Any

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
            help="Cut the network, fill the disk and pull the drive too. Only as root, with "
            "network and mounts that no other program has: unshare --net --mount rt-ner bench rig "
            "--alone.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Do faults to a whole rig at random, and see it recover.

    Kills and freezes its parts, opens streams of strangers and a second decoder of the same name,
    and sets the clock of the rig's processes. Reports when all was well again, every fault that the
    rig's own report does not tell of, every trouble in that report that no fault explains, and
    every velocity that was not zero outside RUNNING.

    Example: rt-ner bench rig --minutes 20
    """
    from rt_ner.bench.chaos.measurement import ChaosPlan, measure_chaos

    with bench_folder() as (folder, progress):
        used, _ = bundle_for(bundle, folder, _CHANNELS, _HOP_MS)
        rig_folder = folder / "rig"
        rig_folder.mkdir()
        plan = ChaosPlan(used, 60 * minutes, every_s, seed, alone)
        summary = measure_chaos(plan, rig_folder, progress.print).summary()
    faults = {name: _fault_row(found) for name, found in summary["faults"].items()}
    rows = faults | {
        "never well again": str(summary["never_well"]),
        "the rig's report": "written" if summary["report_written"] else "not written",
        "faults in the report": f"{summary['reported']} of {len(summary['done'])}",
        "troubles in the report": str(len(summary["troubles_in_report"])),
        "… that no fault explains": "; ".join(summary["unexplained"]) or "none",
        "velocities that were not zero": f"{summary['velocities_not_zero']:,}",
        "… outside RUNNING": str(summary["of_these_outside_running"]),
        "… in a hop whose state was lost": str(summary["of_these_in_an_unknown_state"]),
        "the oldest of them": f"{summary['oldest_velocity_ms']:g} ms after its hop",
        "second decoders let in": str(summary["second_decoders_not_refused"]),
        "recordings overwritten": ", ".join(summary["overwritten"]) or "none",
        "left running at the end": ", ".join(summary["left_running"]) or "nothing",
    }
    show(f"faults in a rig, one every {every_s:g} s", summary, rows, as_json)


def _fault_row(found: dict[str, Any]) -> str:
    well_s, missed = found["longest_until_well_s"], found["not_reported"]
    well = "not well again" if well_s is None else f"well {well_s:g} s after"
    return f"{found['times']} ×, {well}" + (f", {missed} × not reported" if missed else "")
