"""Run the command line; print an error in one line and exit with code 2."""

import sys
from contextlib import suppress

import typer

from rt_ner import __version__
from rt_ner.core.compiled.cache_folder import lend_to_matplotlib
from rt_ner.terminal.console.failures import failure_line
from rt_ner.terminal.console.standard_streams import abandon, flush_stdout, secure_streams
from rt_ner.terminal.lazy_group import LazyGroup

_HELP = """\b
Decode movement from spikes in real time with Neural Embeddings Rank (NER).
Start with: rt-ner demo    Help: rt-ner COMMAND --help    rt-ner --version
"""


class Commands(LazyGroup):
    """All commands, in the order of a typical session, with the summaries of their docstrings."""

    entry_group = "rt_ner.commands"
    panels = {  # noqa: RUF012 - declared as a class variable in the base class
        "Data": {
            "simulate": "Simulate a recorded session of centre-out reaching.",
            "inspect": "Check a recording or a bundle and show what is inside.",
            "convert": "Convert a recording to a session file (.npz) or to NWB.",
            "record": "Record all LSL streams to an XDF or NWB file, until Ctrl-C.",
            "salvage": "Rescue the intact part of a damaged recording.",
            "report": "Write a page that shows how recorded sessions went.",
        },
        "Train": {
            "demo": "Train on a session, replay it and decode it live.",
            "train": "Train NER on a session and write a decoder bundle.",
            "evaluate": "Score a bundle on a session, offline.",
            "compare": "Compare NER with other decoders on the same trials.",
            "sweep": "Fit many sessions with many methods, settings and seeds.",
            "transfer": "Carry a decoder over to a new day with few labels or none.",
            "models": "Keep bundles in a store, and set which one is in use.",
        },
        "Live": {
            "decode": "Decode cursor velocity live, until Ctrl-C.",
            "view": "Show a running decoder in a live window.",
            "replay": "Play a session as live LSL streams.",
            "blackrock": "Publish spikes from a Blackrock NSP or Gemini.",
            "mouse": "Publish the mouse pointer's velocity as hand movement.",
            "joystick": "Publish a joystick's velocity as hand movement.",
        },
        "Closed loop": {
            "rig": "Run a session from one file: start, watch and end all its parts.",
            "task": "Run a cursor task that the decoder controls.",
            "subject": "Simulate a subject who sees the task and fires spikes.",
            "recalibrate": "Recalibrate a bundle from its use in the loop.",
            "adapt": "Accompany a decoder and offer better bundles, until Ctrl-C.",
            "closed-loop": "Run complete sessions with a simulated subject.",
        },
        "Check and measure": {
            "doctor": "Check the rig before a session: GO or NO-GO.",
            "noise": "Send random spikes to test a rig.",
            "bench": "Measure latency, robustness and training.",
            "settings": "Print an example settings file.",
        },
    }


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"rt-ner {__version__}")
        raise typer.Exit


def _common(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Show the version."
    ),
) -> None:
    pass


def build_app() -> typer.Typer:
    """Build the application; a command's own modules are imported when it is called."""
    app = typer.Typer(
        cls=Commands,
        help=_HELP,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_common)
    return app


def main() -> None:
    """Run the command line."""
    secure_streams()
    lend_to_matplotlib()
    try:
        _run()
    except BrokenPipeError:
        # Nobody reads any more, as after `| head`.
        sys.exit(1)
    except Exception as error:
        line = failure_line(error)
        if line is None:
            raise
        with suppress(OSError):
            typer.echo(f"rt-ner: {line}", err=True)
        sys.exit(2)


def _run() -> None:
    try:
        build_app()()
    except BrokenPipeError:
        abandon(sys.stdout)
        raise
    finally:
        flush_stdout()
