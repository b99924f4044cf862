"""Define the commands that measure latency, computing time, load and peers."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rt_ner.bench.latency.tables import latency_rows, peer_rows
from rt_ner.bench.show import bench_folder, show
from rt_ner.bundle.manifest import Manifest
from rt_ner.bundle.storage import load_bundle
from rt_ner.core.contract.kinds import SpikeForm as Form
from rt_ner.system.display import check_display
from rt_ner.system.plugins import plugin
from rt_ner.terminal.options import AsJson, ConfigPath, FigurePath, SpikeForm

app = typer.Typer()


class Peer(StrEnum):
    """Other software for the decoder's job."""

    PLAIN = "plain"
    EZMSG = "ezmsg"
    MNE_LSL = "mne-lsl"


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
    typer.Option("--hop-ms", metavar="MS", help="Time between two decodings.", min=1),
]
TurnS = Annotated[
    float,
    typer.Option("--seconds", metavar="SECONDS", help="Duration of each turn.", min=2),
]
Turns = Annotated[
    int, typer.Option("--turns", metavar="N", help="Number of turns per condition.", min=1)
]
FiringRate = Annotated[
    float, typer.Option(metavar="HZ", help="Firing rate per electrode, in spikes/s.")
]
OptionalBundle = Annotated[
    Path | None,
    typer.Argument(
        metavar="BUNDLE",
        help="Folder of a trained bundle. Default: an untrained one of the default size.",
    ),
]


@app.command()
def latency(
    bundle: OptionalBundle = None,
    channels: Channels = 96,
    hop_ms: HopMs = 10.0,
    form: SpikeForm = Form.RASTER,
    rate: FiringRate = 10.0,
    seconds: TurnS = 20.0,
    turns: Turns = 3,
    load: Annotated[
        bool, typer.Option("--load", help="Keep one core busy at the same time.")
    ] = False,
    view: Annotated[bool, typer.Option("--view", help="Run the live window too.")] = False,
    recorder: Annotated[
        bool, typer.Option("--recorder", help="Run a client that pulls every stream.")
    ] = False,
    config: ConfigPath = None,
    figure: FigurePath = None,
    as_json: AsJson = False,
) -> None:
    """Measure the latency from spike to velocity.

    Measures from the last spike of a bin to the velocity at a client. Source, decoder and client
    are separate processes. In turns, a relay that computes nothing takes the decoder's place. Its
    two bare LSL hops are the floor: no latency is lower. All times are of this computer's clock.
    """
    from rt_ner.bench.latency.measurement import measure_latency
    from rt_ner.bench.latency.plan import LatencyPlan

    if view:
        check_display()
    with bench_folder() as (folder, progress):
        used, manifest = bundle_for(bundle, folder, channels, hop_ms)
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
        latency = measure_latency(plan, folder, progress.print)
    if figure is not None:
        plugin("latency_figure")(latency, figure)
    summary = latency.summary()
    title = f"µs, {plan.channels} channels, {form}, {hop_ms:g} ms hop"
    show(title, summary, latency_rows(summary), as_json)


@app.command()
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

    Each takes turns with the decoder and the floor (see rt-ner bench latency). plain: pylsl, NumPy
    and eager torch, sample by sample. ezmsg: a graph with ezmsg-lsl's inlet and outlet. mne-lsl:
    its stream with a callback, acquiring every millisecond. The last two need: pip install
    'rt-ner[train,peers]'
    """
    from rt_ner.bench.latency.measurement import DECODER, FLOOR, measure_in_turns
    from rt_ner.bench.latency.plan import LatencyPlan
    from rt_ner.bench.latency.results import Latency

    chosen = only or list(Peer)
    for name in chosen:
        plugin(f"peer_{name}")
    with bench_folder() as (folder, progress):
        used, manifest = bundle_for(None, folder, channels, hop_ms)
        plan = LatencyPlan(used, channels, manifest.window.hop_ns, seconds=seconds, turns=turns)
        timings = measure_in_turns(plan, (FLOOR, DECODER, *chosen), folder, progress.print)
    ours, *theirs = (Latency(plan, timings[FLOOR], timings[name]) for name in (DECODER, *chosen))
    # Nothing is so many times as far above the floor as what is below it.
    ours_us = ours.above_floor_us()
    summary = {
        "rows": [
            {"name": name}
            | latency.summary()
            | {"above_floor_to_ours": latency.above_floor_us() / ours_us if ours_us > 0 else None}
            for name, latency in zip(("rt-ner", *chosen), (ours, *theirs), strict=True)
        ]
    }
    show(f"{channels} channels, {hop_ms:g} ms hop", summary, peer_rows(summary), as_json)


def bundle_for(
    bundle: Path | None, folder: Path, channels: int, hop_ms: float
) -> tuple[Path, Manifest]:
    """Return the bundle and its manifest; without one, an untrained one is made."""
    if bundle is None:
        bundle = folder / "bundle"
        plugin("untrained_bundle")(channels, hop_ms, bundle)
    return bundle, load_bundle(bundle).manifest
