"""Define the command that serves a rig's page."""

from pathlib import Path
from typing import Annotated

import typer

from rt_ner.terminal.options import DecoderName

StateFile = Annotated[Path, typer.Option(metavar="FILE", help="File that says which parts run.")]
Logs = Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of the parts' logs.")]
Blocks = Annotated[Path, typer.Option(metavar="FILE", help="File of the day's scores.")]
ControlAs = Annotated[str, typer.Option(metavar="NAME", help="Name of the stream of commands.")]
Steps = Annotated[
    str, typer.Option(metavar="NAMES", help="Steps to offer, e.g. loop,train; empty: none.")
]
Address = Annotated[str, typer.Option(metavar="IP", help="Address to listen at, e.g. 127.0.0.1.")]
Port = Annotated[int, typer.Option(metavar="N", help="Port to listen at, e.g. 8765.")]


def page(
    state: StateFile,
    logs: Logs,
    blocks: Blocks,
    control_as: ControlAs,
    steps: Steps,
    address: Address,
    port: Port,
    decoder: DecoderName = "",
) -> None:
    """Serve the page of a rig, until Ctrl-C; rt-ner rig up starts it.

    The token comes as an order on stdin. When stdin closes, the rig has ended, and nobody may
    command any more.
    """
    from rt_ner.lsl.streams import quiet_liblsl
    from rt_ner.rig.page.page import Commanding, serve_page
    from rt_ner.rig.page.watch.decoder import WatchedDecoder
    from rt_ner.rig.page.watch.files import WatchedFiles
    from rt_ner.rig.page.watch.snapshot import Watch
    from rt_ner.system.signals import stop_on_signals

    quiet_liblsl()
    names = [name for name in steps.split(",") if name]
    watch = Watch(WatchedDecoder(decoder), WatchedFiles(state, logs, blocks), names)
    with stop_on_signals():
        serve_page(watch, Commanding(control_as, names), address, port)
