"""Define the command blackrock."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from drivers.blackrock.publisher import BlackrockSource, open_listener
from drivers.blackrock.receiver import Receiver, troubles
from drivers.source import opened
from rt_ner.core.contract.kinds import source_id_of
from rt_ner.data.array_map import labels_of_file
from rt_ner.lsl.streams import quiet_liblsl
from rt_ner.system.scheduling import no_garbage_collection, take_short_turns
from rt_ner.system.signals import stop_on_signals
from rt_ner.terminal.options import ChannelMap, StreamName


def blackrock(
    address: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="This computer's address on the device's network, e.g. 192.168.137.1. "
            "Default: any.",
        ),
    ] = "",
    port: Annotated[int, typer.Option(metavar="PORT", help="UDP port.", min=1, max=65535)] = 51001,
    name: StreamName = "blackrock",
    channel_map: ChannelMap = None,
    channels: Annotated[
        int,
        typer.Option(metavar="N", help="Number of electrodes if no map is given.", min=1, max=512),
    ] = 96,
    tick_hz: Annotated[
        int,
        typer.Option(
            metavar="HZ", help="Rate of the device's clock: 30000 on an older NSP.", min=1
        ),
    ] = 1_000_000_000,
    broadband: Annotated[
        bool, typer.Option("--broadband", help="Publish the raw voltage at 30 kHz too.")
    ] = False,
) -> None:
    """Publish spikes from a Blackrock NSP or Gemini.

    Publishes single spikes as an LSL stream, until Ctrl-C. Only listens: the device must be
    running already. Tested with an emulator, not yet with a device.
    """
    quiet_liblsl()
    take_short_turns()
    console = Console(stderr=True, highlight=False, markup=False)
    labels = electrode_labels(channel_map, channels)
    receiver = Receiver(len(labels), tick_hz, broadband=broadband)
    with (
        open_listener(address, port) as listener,
        stop_on_signals() as stop,
        no_garbage_collection(),
    ):
        source = BlackrockSource(receiver, listener, labels, name, console.print)
        published = ", ".join(f"'{source_id_of(name, kind)}'" for kind in source.kinds)
        with opened(source):
            console.print(f"port {port}: {len(labels)} electrodes as {published} (Ctrl-C ends)")
            source.run(stop)
    counts = receiver.counts
    console.print(
        f"{counts.packets} packets, {counts.spikes} spikes, {counts.samples} samples, "
        f"{counts.elsewhere} events of other inputs, {counts.other} other packets; "
        f"{troubles(counts)}"
    )


def electrode_labels(channel_map: Path | None, channels: int) -> list[str]:
    """Return labels in the order of the device's channels."""
    by_number = {} if channel_map is None else labels_of_file(channel_map)
    n_channels = max(by_number, default=channels)
    return [by_number.get(n, f"elec{n:03d}") for n in range(1, n_channels + 1)]
