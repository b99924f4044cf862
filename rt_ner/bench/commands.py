"""Define the commands of `rt-ner bench`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from rt_ner.bench.chaos.commands import app as chaos_app
from rt_ner.bench.faults.commands import app as fault_app
from rt_ner.bench.latency.commands import app as latency_app
from rt_ner.bench.latency.processes.commands import app as process_app
from rt_ner.bench.load.commands import app as load_app
from rt_ner.bench.report.commands import app as report_app
from rt_ner.bench.show import bench_folder, show
from rt_ner.bench.watch.commands import app as watch_app
from rt_ner.bundle.storage import load_bundle
from rt_ner.system.display import check_display
from rt_ner.system.processes import child_process
from rt_ner.terminal.lazy_group import LazyGroup
from rt_ner.terminal.options import (
    AsJson,
    BundlePath,
    RecipePath,
    check_recipe_use,
    recipe_arguments,
)
from rt_ner.terminal.progress import show_progress


class Measurements(LazyGroup):
    """Measurements of the decoder, and those that other packages add."""

    entry_group = "rt_ner.bench"
    panels = {  # noqa: RUF012 - declared as a class variable in the base class
        "Decoder": {
            "latency": "Measure the latency from spike to velocity.",
            "step": "Measure the computing time per bin.",
            "scale": "Measure the load as channels and events grow.",
            "peers": "Measure other software doing the decoder's job.",
            "view": "Measure the live window's cost to the decoder.",
            "all": "Measure latency, computing time, load and a peer.",
        },
        "Robustness": {
            "recovery": "Measure how soon the cursor moves after a fault.",
            "faults": "Sum up the R² that bundles keep under faults.",
            "watch": "Count the channel faults that the live watch names in time.",
            "flood": "Count every event in a flood of spikes.",
            "soak": "Run a long session in a short time.",
            "rig": "Do faults to a whole rig at random, and see it recover.",
        },
        "Trainer": {
            "sweep": "Measure a sweep on two workers, and kill it at random.",
            "loss": "Time the loss, and a training step beside CEBRA's.",
            "learning": "Time each method's training until it has learned.",
            "adapting": "Time recalibration beside a running decoder.",
            "recalibration": "Score recalibration on a real closed-loop recording.",
            "spike-band": "Score spike-band power and crossings side by side.",
            "another-day": "Score recalibration in the loop when the neurons have changed.",
            "grid": "Measure the net bit rate of selection by clicks on a grid.",
            "days": "Score a decoder over many days of ordinary use.",
            "joint": "Score joint training against separate trainings.",
            "drift": "Score decoding with and without the running normalisation.",
            "simulator": "Compare the simulated subject with real ones.",
        },
    }


app = typer.Typer(
    cls=Measurements,
    help="Measure latency, robustness and training.\n\nUses real LSL streams and processes.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.callback()(lambda: None)
for _app in (chaos_app, fault_app, latency_app, load_app, process_app, report_app, watch_app):
    app.registered_commands += _app.registered_commands


@app.command()
def recovery(
    bundle: BundlePath,
    repeats: Annotated[
        int, typer.Option(metavar="N", help="Number of times to cause each fault.", min=1)
    ] = 3,
    as_json: AsJson = False,
) -> None:
    """Measure how soon the cursor moves after a fault.

    Times are counted from the first good data after the fault.
    """
    from rt_ner.bench.endurance.recovery import measure_recovery

    n_channels = len(load_bundle(bundle).manifest.channel_ids)
    with bench_folder() as (folder, progress):
        results = measure_recovery(bundle, n_channels, folder, repeats, progress.print)
    summary = {
        fault: {"recovery_s": [round(value, 3) for value in values], "largest_s": max(values)}
        for fault, values in results.items()
    }
    rows = {fault: f"at most {max(values):.2f} s in {repeats}" for fault, values in results.items()}
    show("from good data to RUNNING", summary, rows, as_json)


@app.command()
def flood(
    bundle: BundlePath,
    events: Annotated[
        float, typer.Option(metavar="HZ", help="Events per second.", min=1)
    ] = 1_000_000,
    seconds: Annotated[
        float, typer.Option(metavar="SECONDS", help="Duration of the flood.", min=1)
    ] = 10.0,
    as_json: AsJson = False,
) -> None:
    """Count every event in a flood of spikes.

    Reports the fate of every event, and how far the decoder lags behind.
    """
    from rt_ner.bench.load.flood import FloodPlan, measure_flood
    from rt_ner.core.contract.kinds import SpikeForm

    n_channels = len(load_bundle(bundle).manifest.channel_ids)
    with bench_folder() as (folder, progress):
        progress.print(f"{events:,.0f} events per second for {seconds:g} s")
        plan = FloodPlan(SpikeForm.EVENTS, events / n_channels, seconds)
        result = measure_flood(bundle, n_channels, folder, plan)
    fates = ", ".join(f"{name} {n:,}" for name, n in result.fates.items() if n)
    rows = {
        "sent": f"{result.sent:,}",
        "fates": fates,
        "unaccounted for": str(result.unaccounted),
        "overloads": str(result.overloads),
        "largest lag after the end of a hop": f"{result.largest_lag_ms:.1f} ms",
        "latency p50, p99": f"{result.latency_p50_us:.0f}, {result.latency_p99_us:.0f} µs",
    }
    show(f"{events:,.0f} events/s", asdict(result), rows, as_json)


@app.command()
def soak(
    bundle: BundlePath,
    session: Annotated[
        Path | None,
        typer.Argument(
            metavar="SESSION",
            help="Recorded session file, played in a loop. Default: a simulated session.",
        ),
    ] = None,
    recipe: RecipePath = None,
    hours: Annotated[
        float, typer.Option(metavar="HOURS", help="Duration, in the session's own time.", min=0.01)
    ] = 1.0,
    speed: Annotated[
        float,
        typer.Option(metavar="FACTOR", help="Speed, in multiples of real time.", min=1, max=200),
    ] = 30.0,
    clients: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Also run N clients that read the velocity, one that is frozen and one that is "
            "killed.",
            min=0,
        ),
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Run a long session in a short time.

    Reports memory growth, decoded bins that differ from those of the first pass, and the longest
    time that sending a velocity took.
    """
    from rt_ner.bench.endurance.soaking.soak import SoakPlan, measure_soak, pass_of

    check_recipe_use(session, recipe)
    window = load_bundle(bundle).manifest.window
    with bench_folder() as (folder, _):
        if session is None:
            session = folder / "soak.npz"
            with child_process(["simulate", str(session)], folder) as simulation:
                simulation.finish(120.0)
        with show_progress() as shown:
            result = measure_soak(
                bundle,
                [str(session), *recipe_arguments(recipe)],
                pass_of(session, recipe, window.hop_ns),
                SoakPlan(hours * 3600, speed, clients),
                folder,
                lambda part: shown("soaking", part),
            )
    growth = "unknown" if result.growth_mb is None else f"{result.growth_mb:+.2f} MB"
    rows = {
        "hops": f"{result.hops:,}, missing {result.missing}",
        "compared with the first pass": f"{result.compared:,}, different {result.different}",
        "resident memory after warm-up": growth,
        "longest time to send a velocity": f"{result.longest_push_ms:.2f} ms",
        "notices": "\n".join(result.notices) or "none",
        "counts": ", ".join(f"{name} {n}" for name, n in result.counts.items() if n),
    }
    show(f"{hours:g} h at {speed:g} times real time", asdict(result), rows, as_json)


@app.command()
def view(
    bundle: BundlePath,
    seconds: Annotated[
        float, typer.Option(metavar="SECONDS", help="Duration of each turn.", min=1)
    ] = 20.0,
    turns: Annotated[
        int, typer.Option(metavar="N", help="Number of turns of each condition.", min=1)
    ] = 3,
    as_json: AsJson = False,
) -> None:
    """Measure the live window's cost to the decoder.

    Compares the decoder alone, beside a window that draws, and beside a window that hangs.
    """
    from rt_ner.bench.endurance.view import ALONE, SHOWN, STOPPED, measure_view

    check_display()
    n_channels = len(load_bundle(bundle).manifest.channel_ids)
    with bench_folder() as (folder, progress):
        cost = measure_view(bundle, n_channels, folder, (seconds, turns), progress.print)
    summary: dict[str, object] = {"frames_per_s": cost.frames_per_s}
    rows = {"frames per second": f"{cost.frames_per_s:.1f}"}
    for name, condition in cost.conditions.items():
        p50, p99 = cost.step_us(name).tolist()
        summary[name] = {
            "step_us": {"p50": p50, "p99": p99},
            "lost_bins": condition.lost_bins,
            "missed_deadlines": condition.missed_deadlines,
        }
        rows[name] = (
            f"step p50 {p50:.0f} µs, p99 {p99:.0f} µs, {condition.lost_bins} bins lost, "
            f"{condition.missed_deadlines} deadlines missed"
        )
    alone_us = cost.step_us(ALONE)[1]
    summary["ratio_p99"] = {name: cost.step_us(name)[1] / alone_us for name in (SHOWN, STOPPED)}
    rows["p99 / p99 alone"] = ", ".join(
        f"{name} {cost.step_us(name)[1] / alone_us:.2f}" for name in (SHOWN, STOPPED)
    )
    show("decoding step beside a live window", summary, rows, as_json)
