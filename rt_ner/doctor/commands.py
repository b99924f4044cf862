"""Define the command `rt-ner doctor`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from rt_ner.core.errors import ConfigError
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
            metavar="SECONDS",
            help="Time to listen to the streams, or of each measurement of --apply, e.g. 10.",
            min=0.5,
            max=60,
        ),
    ] = 3.0,
    config: ConfigPath = None,
    core: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help="The decoder's core, e.g. 3. Default: core in [timing] of the settings file.",
            show_default=False,
        ),
    ] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Propose changes to this computer (Linux); see below.")
    ] = False,
    apply: Annotated[
        bool, typer.Option("--apply", help="With --fix: make the changes that are permitted.")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Put back what was there before all --fix --apply.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check the rig before a session: GO or NO-GO.

    Checks this computer, every visible LSL stream, the spikes channel by channel, and that the
    bundle fits them and decodes in time. Each problem comes with a remedy. Publishes nothing. A
    replay that waits for a listener starts. Exit code 0 for GO, 2 for NO-GO.

    --fix is about this computer only. It proposes what lets threads wake up in time: CPU governor,
    sleep states, interrupts, real-time priority. --fix --apply does it, measures wake-ups before
    and after, and keeps what was there before; --undo puts it back. Exit code 2 if some need root.
    """
    _check_modes(fix, apply, undo, bundle is not None or source is not None)
    if undo:
        from rt_ner.doctor.computer.command import undo as undo_fixes

        raise typer.Exit(undo_fixes(as_json))
    said: dict[str, dict[str, object]] = {"input": chosen_sources(source), "timing": {"core": core}}
    settings = with_overrides(load_settings(config, DecodeSettings), said, "command line")
    if fix:
        from rt_ner.doctor.computer.command import fix as fix_computer

        raise typer.Exit(fix_computer(settings.timing.core, seconds, apply, as_json))
    raise typer.Exit(_check_up(bundle, settings, seconds, as_json))


def _check_modes(fix: bool, apply: bool, undo: bool, names_streams: bool) -> None:
    """Raise ConfigError if options are given together that do not belong together."""
    if apply and not fix:
        raise ConfigError("--apply makes the changes that --fix proposes: use --fix --apply")
    if undo and fix:
        raise ConfigError("--undo puts back what --fix --apply changed: use it without --fix")
    if (fix or undo) and names_streams:
        raise ConfigError(
            "--fix and --undo are about this computer only: leave BUNDLE and --source out"
        )


def _check_up(bundle: Path | None, settings: DecodeSettings, seconds: float, as_json: bool) -> int:
    """Run the checkup, print it, and return the exit code."""
    from rt_ner.doctor.doctor import Doctor
    from rt_ner.doctor.report import as_json as json_of
    from rt_ner.doctor.report import print_checkup
    from rt_ner.lsl.streams import quiet_liblsl

    quiet_liblsl()
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
    return 0 if checkup.is_go else 2
