"""Define the commands that measure computing time and load."""

from pathlib import Path
from typing import Annotated

import typer

from rt_ner.bench.latency.commands import Channels, HopMs, OptionalBundle, TurnS, bundle_for
from rt_ner.bench.latency.tables import scale_rows, step_rows
from rt_ner.bench.show import bench_folder, show
from rt_ner.bundle.storage import load_bundle
from rt_ner.core.clock import ns_from_ms
from rt_ner.terminal.options import AsJson

app = typer.Typer()


@app.command()
def step(
    bundle: OptionalBundle = None,
    channels: Channels = 96,
    hop_ms: HopMs = 10.0,
    bins: Annotated[
        int, typer.Option(metavar="N", help="Number of bins to time.", min=100)
    ] = 20_000,
    as_json: AsJson = False,
) -> None:
    """Measure the computing time per bin.

    Decodes in this process alone and reports time, calls, memory and instructions per bin. In
    turns, ONNX Runtime runs the same network once per bin, and nothing else.
    """
    from rt_ner.bench.latency.results import percentile_ratio, percentiles
    from rt_ner.bench.load.step import measure_step

    with bench_folder() as (folder, _):
        used, manifest = bundle_for(bundle, folder, channels, hop_ms)
        cost = measure_step(load_bundle(used).model, bins)
    n_channels = len(manifest.channel_ids)
    summary = {
        "channels": n_channels,
        "hop_ms": manifest.window.hop_ns / 1e6,
        "step_us": percentiles(cost.times_us),
        "onnx_runtime_us": percentiles(cost.graph_us),
        "ratio": percentile_ratio(cost.times_us, cost.graph_us),
        "calls_a_bin": cost.calls,
        "blocks_left_a_bin": cost.blocks,
        "instructions_a_bin": cost.instructions,
    }
    show(f"step in process, {n_channels} channels", summary, step_rows(summary), as_json)


@app.command()
def scale(
    channels: Annotated[
        list[int] | None,
        typer.Option(
            metavar="N",
            help="Number of electrodes; repeat for several. Default: 96, 256, 1024, 4096.",
            min=1,
        ),
    ] = None,
    events: Annotated[
        list[float] | None,
        typer.Option(
            metavar="HZ",
            help="Events per second; repeat for several. Default: 1e4, 1e5, 1e6, 1e7.",
            min=1,
        ),
    ] = None,
    broadband: Annotated[
        list[int] | None,
        typer.Option(
            metavar="N",
            help="Number of electrodes whose voltage is sent at 30 kHz; repeat for several. "
            "Default: 96, 256, 512, 1024.",
            min=1,
        ),
    ] = None,
    event_channels: Annotated[
        int, typer.Option(metavar="N", help="Number of electrodes that fire the events.", min=1)
    ] = 1024,
    hop_ms: HopMs = 10.0,
    seconds: TurnS = 10.0,
    as_json: AsJson = False,
) -> None:
    """Measure the load as channels and events grow.

    Reports the time per bin for each size, and the rate at which the decoder no longer keeps up.
    """
    from rt_ner.bench.latency.plan import LatencyPlan
    from rt_ner.bench.load.scale import Scale, slope

    def make(n: int, folder: Path) -> Path:
        return bundle_for(None, folder, n, hop_ms)[0]

    sizes, rates = channels or [96, 256, 1024, 4096], events or [1e4, 1e5, 1e6, 1e7]
    voltages = broadband or [96, 256, 512, 1024]
    with bench_folder() as (folder, progress):
        plan = LatencyPlan(folder, 0, ns_from_ms(hop_ms), seconds=seconds, turns=1)
        scale = Scale(plan, make, folder, progress.print)
        by_channels = list(scale.channels(sizes))
        by_events = list(scale.events(event_channels, rates))
        by_voltage = list(scale.broadband(voltages))
    power = slope(sizes, [row["step_us"]["p50"] for row in by_channels])
    summary = {"rows": [*by_channels, *by_events, *by_voltage], "step_slope": power}
    show(f"scale, {hop_ms:g} ms hop", summary, scale_rows(summary), as_json)
