"""Define the command `rt-ner doctor`."""

from typing import Annotated

import typer
from rich.console import Console

from rt_ner.core.settings import load_settings, with_overrides
from rt_ner.decoding.input.settings import chosen_sources
from rt_ner.live.settings import DecodeSettings
from rt_ner.system.signals import stop_on_signals
from rt_ner.terminal.options import (
    AsJson,
    ConfigPath,
    OptionalBundlePath,
    SourceId,
    print_json,
)


def doctor(
    bundle: OptionalBundlePath = None,
    source: SourceId = None,
    seconds: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", help="Time to listen to the streams, e.g. 10.", min=0.5, max=60
        ),
    ] = 3.0,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Check the rig before a session: GO or NO-GO.

    Checks this computer, every visible LSL stream, the spikes channel by channel, and that the
    bundle fits them and decodes in time. Each problem comes with a remedy. Publishes nothing. A
    replay that waits for a listener starts. Exit code 0 for GO, 2 for NO-GO.
    """
    from rt_ner.doctor.doctor import Doctor
    from rt_ner.doctor.report import as_json as json_of
    from rt_ner.doctor.report import print_checkup
    from rt_ner.lsl.streams import quiet_liblsl

    quiet_liblsl()
    said = {"input": chosen_sources(source)}
    settings = with_overrides(load_settings(config, DecodeSettings), said, "command line")
    progress = Console(stderr=True, highlight=False, markup=False)
    with stop_on_signals() as stop:
        checkup = Doctor(settings, seconds, stop, progress.print).check_up(bundle)
        if stop.is_set():
            progress.print("stopped before the checkup was complete: no verdict")
            raise typer.Exit(2)
    if as_json:
        print_json(json_of(checkup))
    else:
        print_checkup(checkup, Console(highlight=False, markup=False))
    raise typer.Exit(0 if checkup.is_go else 2)
