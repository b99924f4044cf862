"""The laboratory's commands; those that are hidden are run by the others, as processes."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from rt_ner.bench.show import bench_folder, show
from rt_ner.bundle.manifest import Manifest
from rt_ner.bundle.storage import load_bundle
from rt_ner.core.clock import ns_from_ms
from rt_ner.core.contract.kinds import Kind
from rt_ner.core.contract.spike_form import SpikeForm as Form
from rt_ner.lsl.discovery import query_for
from rt_ner.lsl.streams import quiet_liblsl
from rt_ner.system.display import check_display
from rt_ner.system.plugins import plugin
from rt_ner.system.scheduling import claim_computer
from rt_ner.system.signals import stop_on_signals
from rt_ner.terminal.options import AsJson, ConfigPath, FigurePath, SpikeForm

lab = typer.Typer()


class Peer(StrEnum):
    """Other software for the decoder's job."""

    PLAIN = "plain"
    EZMSG = "ezmsg"
    MNE_LSL = "mne-lsl"


Realtime = Annotated[bool, typer.Option("--realtime")]

Channels = Annotated[
    int,
    typer.Option(
        "--channels",
        metavar="N",
        help="Number of electrodes of the untrained bundle.",
        min=1,
        max=8192,
    ),
]
HopMs = Annotated[
    float,
    typer.Option(
        "--hop-ms", metavar="MS", help="Time between two hops of the untrained bundle.", min=1
    ),
]
TurnS = Annotated[
    float,
    typer.Option("--seconds", metavar="SECONDS", help="Duration of each turn.", min=2),
]
Turns = Annotated[int, typer.Option("--turns", metavar="N", help="Number of turns of each.", min=1)]
OptionalBundle = Annotated[
    Path | None,
    typer.Argument(
        metavar="BUNDLE",
        help="Folder of a trained bundle. Default: an untrained one of the usual size.",
    ),
]


@lab.command()
def latency(
    bundle: OptionalBundle = None,
    channels: Channels = 96,
    hop_ms: HopMs = 10.0,
    form: SpikeForm = Form.RASTER,
    rate: Annotated[
        float, typer.Option(metavar="HZ", help="Firing rate per electrode, in spikes/s.")
    ] = 10.0,
    seconds: TurnS = 20.0,
    turns: Turns = 3,
    load: Annotated[bool, typer.Option("--load", help="Keep one core busy meanwhile.")] = False,
    view: Annotated[bool, typer.Option("--view", help="Run the live window meanwhile.")] = False,
    recorder: Annotated[
        bool, typer.Option("--recorder", help="Run a client that pulls every stream meanwhile.")
    ] = False,
    config: ConfigPath = None,
    figure: FigurePath = None,
    as_json: AsJson = False,
) -> None:
    """Measure the latency from spike to velocity.

    Measures from the last spike of a bin to the velocity at a client. Source, decoder and client
    are separate processes. In turns, a relay that does nothing takes the decoder's place: two bare
    LSL hops, the floor. All times are of this computer's clock.
    """
    from rt_ner.bench.latency.measurement import LatencyPlan, measure_latency

    if view:
        check_display()
    with bench_folder() as (folder, progress):
        used, manifest = _bundle(bundle, folder, channels, hop_ms)
        plan = LatencyPlan(
            bundle=used,
            channels=len(manifest.channel_ids),
            hop_ns=manifest.window.hop_ns,
            form=form,
            rate=rate,
            seconds=seconds,
            turns=turns,
            with_load=load,
            with_view=view,
            with_recorder=recorder,
            decode_config=config,
        )
        found = measure_latency(plan, folder, progress.print)
    if figure is not None:
        plugin("latency_figure")(found, figure)
    summary = found.summary()
    rows = _latency_rows(summary)
    show(f"µs, {plan.channels} channels, {form}, {hop_ms:g} ms hop", summary, rows, as_json)


@lab.command()
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

    Decodes in this process alone and reports time, calls, memory and instructions per bin.
    """
    from rt_ner.bench.latency.measurement import percentiles
    from rt_ner.bench.latency.step import measure_step

    with bench_folder() as (folder, _):
        used, manifest = _bundle(bundle, folder, channels, hop_ms)
        found = measure_step(load_bundle(used).model, bins)
    times_us = percentiles(found.times_us)
    summary = {
        "channels": len(manifest.channel_ids),
        "hop_ms": manifest.window.hop_ns / 1e6,
        "step_us": times_us,
        "calls_a_bin": found.calls,
        "blocks_left_a_bin": found.blocks,
        "instructions_a_bin": found.instructions,
    }
    rows = {
        "µs": ", ".join(f"{at.replace('_', '.')} {value:.1f}" for at, value in times_us.items()),
        "calls a bin": f"{found.calls:g}",
        "memory blocks left behind a bin": f"{found.blocks:g}",
        "instructions a bin": f"{found.instructions:,.0f}" if found.instructions else "not told",
    }
    show(f"step in process, {len(manifest.channel_ids)} channels", summary, rows, as_json)


@lab.command()
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
    from rt_ner.bench.latency.measurement import LatencyPlan
    from rt_ner.bench.latency.scale import scale_channels, scale_events, slope

    def make(n: int, folder: Path) -> Path:
        return _bundle(None, folder, n, hop_ms)[0]

    sizes = channels or [96, 256, 1024, 4096]
    with bench_folder() as (folder, progress):
        plan = LatencyPlan(folder, 0, ns_from_ms(hop_ms), seconds=seconds, turns=1)
        by_channels = list(scale_channels(plan, sizes, make, folder, progress.print))
        rates = events or [1e4, 1e5, 1e6, 1e7]
        by_events = list(scale_events(rates, event_channels, seconds, make, folder, progress.print))
    steps_us = [row["step_us"]["p50"] for row in by_channels]
    power = slope(sizes, steps_us) if len(sizes) > 1 else None
    rows = {
        f"{row['channels']} channels": f"step p50 {row['step_us']['p50']:.0f}, p99 "
        f"{row['step_us']['p99']:.0f} µs; {row['ratio']['p50']:.2f} × the floor; "
        f"{row['lost_bins']} bins lost"
        for row in by_channels
    } | {
        f"{row['events_per_s']:,.0f} events/s": f"{'kept up' if row['keeps_up'] else 'not kept up'}"
        f", {row['sent_per_s']:,.0f} sent a second, latency p50 {row['latency_us']['p50']:.0f}, "
        f"p99 {row['latency_us']['p99']:.0f} µs, skipped {row['skipped']:,}, "
        f"overloads {row['overloads']}"
        for row in by_events
    }
    rows["step grows with channels to the power"] = "unknown" if power is None else f"{power:.2f}"
    summary = {"rows": [*by_channels, *by_events], "step_slope": power}
    show(f"scale, {hop_ms:g} ms hop", summary, rows, as_json)


@lab.command()
def peers(
    channels: Channels = 96,
    hop_ms: HopMs = 10.0,
    seconds: TurnS = 20.0,
    turns: Turns = 2,
    only: Annotated[
        list[Peer] | None,
        typer.Option(help="Software to measure; repeat for several. Default: all."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure other software doing the decoder's job.

    Takes turns with the decoder and the floor. plain: pylsl, NumPy and eager torch, sample by
    sample. ezmsg: a graph with ezmsg-lsl's inlet and outlet. mne-lsl: its stream with a callback,
    acquiring every millisecond. The last two need: pip install 'rt-ner[train,peers]'
    """
    from rt_ner.bench.latency.measurement import (
        DECODER,
        FLOOR,
        Latency,
        LatencyPlan,
        measure_processes,
        percentiles,
    )

    chosen = only or list(Peer)
    for name in chosen:
        plugin(f"peer_{name}")
    with bench_folder() as (folder, progress):
        used, manifest = _bundle(None, folder, channels, hop_ms)
        plan = LatencyPlan(used, channels, manifest.window.hop_ns, seconds=seconds, turns=turns)
        lines = measure_processes(plan, (FLOOR, DECODER, *chosen), folder, progress.print)
    found = {name: Latency(plan, lines[FLOOR], lines[name]) for name in (DECODER, *chosen)}
    ours_us = found[DECODER].above_floor_us()
    summary = {
        "rows": [
            {"name": "rt-ner" if name == DECODER else name}
            | one.summary()
            | {"above_floor_to_ours": one.above_floor_us() / ours_us}
            for name, one in found.items()
        ]
    }
    floor_us = percentiles(lines[FLOOR].end_to_end_us())
    rows = {"floor": f"p50 {floor_us['p50']:.0f}, p99 {floor_us['p99']:.0f} µs"} | {
        str(row["name"]): f"p50 {row['end_to_end_us']['p50']:.0f}, p99 "
        f"{row['end_to_end_us']['p99']:.0f} µs; above the floor {row['above_floor_us']:.0f} µs, "
        f"{row['above_floor_to_ours']:.1f} × ours; {row['lost_bins']} bins lost"
        for row in summary["rows"]
    }
    show(f"{channels} channels, {hop_ms:g} ms hop", summary, rows, as_json)


@lab.command(hidden=True)
def peer(
    kind: str, source_id: str, name: str, channels: int, hop_ns: int, realtime: Realtime = False
) -> None:
    """Do the decoder's job as a peer does, with the priority that the decoder has."""
    quiet_liblsl()
    if realtime:
        claim_computer(None, realtime)
    run = plugin(f"peer_{kind}")
    with stop_on_signals() as stop:
        run(source_id, name, channels, hop_ns, stop)


@lab.command(hidden=True)
def relay(source: str, kind: Kind, name: str, hop_ns: int, realtime: Realtime = False) -> None:
    """Stand in for a decoder, and do nothing."""
    from rt_ner.bench.latency.processes import relay as run

    quiet_liblsl()
    claim_computer(None, realtime)
    with stop_on_signals() as stop:
        run(query_for(source, kind), name, hop_ns, stop)


@lab.command(hidden=True)
def sink(
    name: str,
    out: Path,
    timing: Annotated[bool, typer.Option("--timing")] = False,
    realtime: Realtime = False,
) -> None:
    """Keep when a decoder's velocities come."""
    from rt_ner.bench.latency.processes import keep_times

    quiet_liblsl()
    if realtime:
        claim_computer(None, realtime)
    with stop_on_signals() as stop:
        keep_times(name, timing, out, stop)


@lab.command(hidden=True)
def drain(name: str) -> None:
    """Pull all of a decoder's streams."""
    from rt_ner.bench.latency.processes import drain as run

    quiet_liblsl()
    with stop_on_signals() as stop:
        run(name, stop)


@lab.command(hidden=True)
def burn() -> None:
    """Keep a core busy."""
    from rt_ner.bench.latency.processes import burn as run

    with stop_on_signals() as stop:
        run(stop)


def _latency_rows(summary: dict[str, Any]) -> dict[str, str]:
    """A summary of `bench latency` as lines of a table."""

    def spelled(what: str, form: str = ".0f", unit: str = "") -> str:
        values = summary[what].items()
        return ", ".join(f"{at.replace('_', '.')} {value:{form}}{unit}" for at, value in values)

    rows = {
        "floor": spelled("floor_us"),
        "step": spelled("step_us"),
        "end to end": spelled("end_to_end_us"),
        "to the floor": spelled("ratio", ".2f", " ×"),
    }
    if "quiet_us" in summary:
        rows["without company"] = spelled("quiet_us")
        rows["to that"] = spelled("to_quiet", ".2f", " ×")
    rows["real-time priority"] = "yes" if summary["realtime"] else "no"
    for what in ("missed_deadlines", "lost_bins"):
        rows[what.replace("_", " ")] = f"{summary[what]}; floor {summary[f'floor_{what}']}"
    return rows


def _bundle(
    bundle: Path | None, folder: Path, channels: int, hop_ms: float
) -> tuple[Path, Manifest]:
    """The bundle that is named, or an untrained one of so many channels."""
    if bundle is None:
        bundle = folder / "bundle"
        plugin("untrained_bundle")(channels, hop_ms, bundle)
    return bundle, load_bundle(bundle).manifest
