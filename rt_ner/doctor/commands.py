"""The doctor's command."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from rt_ner.core.settings import load_settings
from rt_ner.live.settings import DecodeSettings, overridden
from rt_ner.system.signals import stop_on_signals
from rt_ner.terminal.options import AsJson, ConfigPath, print_json


def doctor(
    bundle: Annotated[
        Path | None, typer.Argument(metavar="[BUNDLE]", help="Folder of a trained bundle.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(help="Check the spike stream with this source_id. Default: the only one."),
    ] = None,
    seconds: Annotated[
        float, typer.Option(help="How long to listen to the streams.", min=0.5, max=60)
    ] = 3.0,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Check everything before a session: GO or NO-GO, with a remedy for each problem.

    Looks at this computer, at every visible stream, at the spikes channel by channel, and at
    whether the bundle fits them and decodes in time. Decodes and publishes nothing. A replay that
    waits for a listener takes this for one, and begins. Exit code 0 for GO, 2 for NO-GO.
    """
    from rt_ner.doctor.examination import Doctor
    from rt_ner.doctor.report import as_json as json_of
    from rt_ner.doctor.report import print_checkup
    from rt_ner.lsl.streams import quiet_liblsl

    quiet_liblsl()
    said = {"input": {"source_id": source}}
    settings = overridden(load_settings(config, DecodeSettings), said)
    progress = Console(stderr=True, highlight=False, markup=False)
    with stop_on_signals() as stop:
        checkup = Doctor(settings, seconds, stop, progress.print).examine(bundle)
        if stop.is_set():
            progress.print("stopped before the check was complete: no verdict")
            raise typer.Exit(2)
    if as_json:
        print_json(json_of(checkup))
    else:
        print_checkup(checkup, Console(highlight=False, markup=False))
    raise typer.Exit(0 if checkup.is_go else 2)
