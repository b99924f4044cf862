"""The bench commands: measurements of what the decoder promises."""

from dataclasses import asdict
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from rt_ner.bench.latency.commands import lab
from rt_ner.bench.show import bench_folder, show
from rt_ner.bundle.storage import load_bundle
from rt_ner.system.processes import child_process
from rt_ner.system.signals import check_display
from rt_ner.terminal.options import AsJson, BundlePath

app = typer.Typer(
    help="Measure what decoder and trainer promise; streams are real, between real processes.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
for _measurement in entry_points(group="rt_ner.bench"):
    app.command(_measurement.name)(_measurement.load())
app.registered_commands += lab.registered_commands


@app.command()
def recovery(
    bundle: BundlePath,
    repeats: Annotated[int, typer.Option(help="How often each fault is made.", min=1)] = 3,
    as_json: AsJson = False,
) -> None:
    """How long after a fault the cursor moves again, from the first good data."""
    from rt_ner.bench.endurance.recovery import measure_recovery

    n_channels = len(load_bundle(bundle).manifest.channel_ids)
    with bench_folder() as (folder, progress):
        results = measure_recovery(bundle, n_channels, folder, repeats, progress.print)
    summary = {
        fault: {"recovery_s": [round(value, 3) for value in values], "largest_s": max(values)}
        for fault, values in results.items()
    }
    rows = {fault: f"{max(values):.2f} s at most of {repeats}" for fault, values in results.items()}
    show("from good data to RUNNING", summary, rows, as_json)


@app.command()
def flood(
    bundle: BundlePath,
    events: Annotated[float, typer.Option(help="Events a second.", min=1)] = 1_000_000,
    seconds: Annotated[float, typer.Option(help="For so long.", min=1)] = 10.0,
    as_json: AsJson = False,
) -> None:
    """Whether every one of very many events is accounted for, and how far the decoder lags."""
    from rt_ner.bench.endurance.flood import measure_flood

    n_channels = len(load_bundle(bundle).manifest.channel_ids)
    with bench_folder() as (folder, progress):
        progress.print(f"{events:,.0f} events a second for {seconds:g} s")
        result = measure_flood(bundle, n_channels, folder, events, seconds)
    fates = ", ".join(f"{name} {n:,}" for name, n in result.fates.items() if n)
    rows = {
        "sent": f"{result.sent:,}",
        "became": fates,
        "unaccounted for": str(result.unaccounted),
        "overloads": str(result.overloads),
        "largest lag behind a hop's end": f"{result.largest_lag_ms:.1f} ms",
        "latency p50, p99": f"{result.latency_p50_us:.0f}, {result.latency_p99_us:.0f} µs",
    }
    show(f"{events:,.0f} events/s", asdict(result), rows, as_json)


@app.command()
def soak(
    bundle: BundlePath,
    session: Annotated[
        Path | None,
        typer.Argument(metavar="SESSION", help="Played round and round. Default: a simulated one."),
    ] = None,
    hours: Annotated[float, typer.Option(help="Of the session's own time.", min=0.01)] = 1.0,
    speed: Annotated[float, typer.Option(help="So many times faster.", min=1, max=200)] = 30.0,
    as_json: AsJson = False,
) -> None:
    """A long session in a short time: whether memory grows, or bins drift from the truth."""
    from rt_ner.bench.endurance.soak import measure_soak, pass_of

    window = load_bundle(bundle).manifest.window
    with bench_folder() as (folder, progress):
        if session is None:
            session = folder / "soak.npz"
            with child_process(["simulate", str(session)], folder) as simulation:
                simulation.finish(120.0)
        with progress.status("soaking") as status:
            result = measure_soak(
                bundle,
                session,
                pass_of(session, window.hop_ns),
                (hours * 3600, speed),
                folder,
                lambda part: status.update(f"soaking: {part:.0%}"),
            )
    growth = "unknown" if result.growth_mb is None else f"{result.growth_mb:+.2f} MB"
    rows = {
        "hops": f"{result.hops:,}, missing {result.missing}",
        "compared with the first pass": f"{result.compared:,}, different {result.different}",
        "resident memory after warm-up": growth,
        "counts": ", ".join(f"{name} {n}" for name, n in result.counts.items() if n),
    }
    show(f"{hours:g} h at {speed:g} times the speed", asdict(result), rows, as_json)


@app.command()
def view(
    bundle: BundlePath,
    seconds: Annotated[float, typer.Option(help="A turn of each condition.", min=1)] = 20.0,
    turns: Annotated[int, typer.Option(help="How often all take their turns.", min=1)] = 3,
    as_json: AsJson = False,
) -> None:
    """What the live window costs the decoder beside it: running at full rate, and stopped."""
    from rt_ner.bench.endurance.view import ALONE, SHOWN, STOPPED, measure_view

    check_display()
    n_channels = len(load_bundle(bundle).manifest.channel_ids)
    with bench_folder() as (folder, progress):
        cost = measure_view(bundle, n_channels, folder, (seconds, turns), progress.print)
    summary: dict[str, object] = {"frames_per_s": cost.frames_per_s}
    rows = {"frames a second": f"{cost.frames_per_s:.1f}"}
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
    rows["p99 to that alone"] = ", ".join(
        f"{name} {cost.step_us(name)[1] / alone_us:.2f}" for name in (SHOWN, STOPPED)
    )
    show("the decoder's step beside a live window", summary, rows, as_json)
