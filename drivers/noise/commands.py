"""Define the command noise."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from drivers.noise.noise import NoiseSource
from drivers.noise.patterns import TICK_NS, pattern_of
from drivers.source import opened
from rt_ner.core.clock import NS_PER_S, s_from_ns
from rt_ner.core.contract.kinds import SpikeForm as Form
from rt_ner.core.contract.names import electrode_names
from rt_ner.lsl.streams import local_now_ns, quiet_liblsl
from rt_ner.system.processes import listen_for_orders, write_event
from rt_ner.system.scheduling import behind_lsl, claim_computer, no_garbage_collection
from rt_ner.system.signals import stop_on_signals
from rt_ner.terminal.options import SpikeForm, StreamName


def noise(
    form: SpikeForm = Form.RASTER,
    channels: Annotated[
        int, typer.Option(metavar="N", help="Number of electrodes.", min=1, max=8192)
    ] = 96,
    rate: Annotated[
        float,
        typer.Option(metavar="HZ", help="Firing rate per electrode, in spikes/s.", min=0.001),
    ] = 10.0,
    seconds: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", help="Stop after this time, e.g. 60. Default: at Ctrl-C.", min=0.001
        ),
    ] = None,
    name: StreamName = "noise",
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Start at once, without waiting for a listener.")
    ] = False,
    pushes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Save the last time stamp and the time of each push (.npy, in LSL seconds).",
        ),
    ] = None,
    at_once: Annotated[
        bool,
        typer.Option(
            "--at-once",
            help="Send in the own thread, as the driver blackrock does, not in LSL's (Linux).",
        ),
    ] = False,
    realtime: Annotated[
        bool,
        typer.Option("--realtime", help="Ask for real-time priority, as a device has (Linux)."),
    ] = False,
) -> None:
    """Send random spikes to test a rig.

    Reads orders for faults from stdin, one JSON object per line, e.g. {"order": "stall",
    "seconds": 2}. The faults: stall (seconds), withhold (probability, seconds), burst (factor,
    seconds), repeat (ticks), reverse (ticks), bad (ticks), step (seconds); a tick is 1 ms. Writes
    one JSON object per line to stdout: the start time, then the counts of the samples sent, after
    each order and at the end.
    """
    quiet_liblsl()
    for refusal in claim_computer(None, realtime):
        typer.echo(refusal, err=True)
    channel_ids = electrode_names(channels)
    n_ticks = None if seconds is None else round(seconds * NS_PER_S / TICK_NS)
    source = NoiseSource(pattern_of(form, channel_ids, rate), name, n_ticks, _report, at_once)
    source.pushes = None if pushes is None else []
    with stop_on_signals() as stop, no_garbage_collection(), opened(source):
        if not no_wait:
            source.wait_for_listeners(source.kinds, stop)
        listen_for_orders(source.orders.append)
        write_event("began", time_s=s_from_ns(local_now_ns()))
        with behind_lsl():
            source.run(stop)
        if pushes is not None:
            np.save(pushes, np.array(source.pushes).reshape(-1, 2))
        _report(source.faulty.summary())


def _report(counts: Mapping[str, int]) -> None:
    """Write the counts of what was sent as an event."""
    write_event("sent", **counts)
