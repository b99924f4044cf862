"""Define the hidden commands that the latency measurement runs as processes."""

from pathlib import Path
from typing import Annotated

import typer

from rt_ner.core.contract.kinds import Kind
from rt_ner.lsl.discovery import query_for
from rt_ner.lsl.streams import quiet_liblsl
from rt_ner.system.plugins import plugin
from rt_ner.system.scheduling import claim_computer
from rt_ner.system.signals import stop_on_signals

app = typer.Typer()
Realtime = Annotated[bool, typer.Option("--realtime")]


@app.command(hidden=True)
def peer(
    kind: str, source_id: str, name: str, channels: int, hop_ns: int, realtime: Realtime = False
) -> None:
    """Decode as a peer does, with the decoder's priority."""
    quiet_liblsl()
    if realtime:
        claim_computer(None, realtime)
    run = plugin(f"peer_{kind}")
    with stop_on_signals() as stop:
        run(source_id, name, channels, hop_ns, stop)


@app.command(hidden=True)
def relay(
    source: str,
    kind: Kind,
    name: str,
    hop_ns: int,
    at_once: Annotated[bool, typer.Option("--at-once")] = False,
    realtime: Realtime = False,
) -> None:
    """Take the decoder's place and do nothing."""
    from rt_ner.bench.latency.processes.roles import relay as run

    quiet_liblsl()
    claim_computer(None, realtime)
    with stop_on_signals() as stop:
        run(query_for(source, kind), name, hop_ns, at_once, stop)


@app.command(hidden=True)
def sink(
    name: str,
    out: Path,
    timing: Annotated[bool, typer.Option("--timing")] = False,
    realtime: Realtime = False,
) -> None:
    """Save the arrival times of a decoder's velocities."""
    from rt_ner.bench.latency.processes.roles import save_times

    quiet_liblsl()
    if realtime:
        claim_computer(None, realtime)
    with stop_on_signals() as stop:
        save_times(name, timing, out, stop)


@app.command(hidden=True)
def drain(name: str, kinds: Annotated[list[Kind] | None, typer.Argument()] = None) -> None:
    """Pull some streams of a decoder, or all."""
    from rt_ner.bench.latency.processes.roles import drain as run

    quiet_liblsl()
    with stop_on_signals() as stop:
        run(name, kinds or [Kind.VELOCITY, Kind.LATENT, Kind.TIMING, Kind.COUNTS], stop)


@app.command(hidden=True)
def load() -> None:
    """Keep a core busy."""
    from rt_ner.bench.latency.processes.roles import load as run

    with stop_on_signals() as stop:
        run(stop)
