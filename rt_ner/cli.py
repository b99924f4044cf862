"""The command line: gathers the commands of all packages; one line and code 2 for an error."""

import sys
from importlib.metadata import entry_points

import typer
from rich.console import Console

from rt_ner import __version__
from rt_ner.core.errors import RtNerError

_HELP = """Real-time decoding of movement from spikes, with Neural Embeddings Rank (NER).

\b
Two ways in:
  rt-ner demo                  a simulated session: trained, replayed, decoded live
  rt-ner demo --session FILE   the same on a recorded session

\b
The same steps one by one, each in a terminal of its own, as in the rig:
  rt-ner train SESSION --out BUNDLE
  rt-ner replay SESSION
  rt-ner decode BUNDLE

Ctrl-C ends each cleanly. Results go to stdout, progress and errors to stderr. Exit codes: 0 done,
1 a bug, 2 something that you can mend, with the remedy in the message.
"""
# In the order in which one meets them.
_COMMANDS = (
    "demo",
    "simulate",
    "train",
    "inspect",
    "convert",
    "evaluate",
    "compare",
    "transfer",
    "replay",
    "decode",
    "view",
    "record",
    "salvage",
    "task",
    "subject",
    "recalibrate",
    "adapt",
    "closed-loop",
    "doctor",
    "noise",
    "blackrock",
    "mouse",
    "joystick",
    "bench",
)


def build_app() -> typer.Typer:
    """The application with the commands that the installed packages offer."""
    app = typer.Typer(
        help=_HELP,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_common)
    offered = {entry.name: entry for entry in entry_points(group="rt_ner.commands")}
    for name in sorted(offered, key=_COMMANDS.index):
        loaded = offered[name].load()
        if isinstance(loaded, typer.Typer):
            app.add_typer(loaded, name=name)
        else:
            app.command(name)(loaded)
    return app


def main() -> None:
    """Run the command line."""
    errors = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    try:
        build_app()()
    except (RtNerError, OSError) as error:
        errors.print(f"rt-ner: {error}")
        sys.exit(2)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rt-ner {__version__}")
        raise typer.Exit


def _common(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Show the version."
    ),
) -> None:
    pass
