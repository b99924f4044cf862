"""Define the options that several commands share, and print results as JSON."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from rt_ner.core.contract.kinds import ChannelValue, RecordingFormat, ReferenceKind
from rt_ner.core.contract.kinds import SpikeForm as Form
from rt_ner.core.contract.names import decoder_name
from rt_ner.core.errors import ConfigError

# Transport and computation take about half a millisecond: at this speed they count as two.
_FASTEST = 4.0
_SEED_HELP = "Random seed; the same seed gives the same result on the same computer."

BundlePath = Annotated[
    Path,
    typer.Argument(
        metavar="BUNDLE",
        help="Folder of a trained bundle, e.g. m1-bundle, or the one promoted in a store, e.g. "
        "my-store/monkey1/current.",
    ),
]
DayName = Annotated[
    str | None,
    typer.Option(
        "--day",
        metavar="NAME",
        help="Day of a joint bundle, e.g. day3; rt-ner inspect lists them.",
        show_default=False,
    ),
]
OptionalBundlePath = Annotated[
    Path | None,
    typer.Argument(metavar="BUNDLE", help="Folder of a trained bundle.", show_default=False),
]
SessionPath = Annotated[
    Path,
    typer.Argument(metavar="SESSION", help="Recorded session file, e.g. day1.xdf or day1.nwb."),
]
SessionPaths = Annotated[
    list[Path],
    typer.Argument(
        metavar="SESSION...",
        help="Recorded session file, e.g. day1.xdf. Several of the same electrodes, e.g. "
        "day1/*.xdf, are joined in this order.",
    ),
]
RecipePath = Annotated[
    Path | None,
    typer.Option(
        "--recipe",
        metavar="FILE",
        help="Read each session file as this recipe says, e.g. lab.toml; rt-ner inspect drafts "
        "one. The file entry of the recipe is ignored.",
    ),
]
AreaName = Annotated[
    str | None,
    typer.Option(
        "--area",
        metavar="NAME",
        help="Brain area, e.g. M1; several at once: M1,PMd, or all. Default: the first.",
    ),
]
Value = Annotated[
    ChannelValue | None,
    typer.Option("--value", help="Value of a channel of broadband voltage. Default: crossings."),
]
Reference = Annotated[
    ReferenceKind | None,
    typer.Option(
        "--reference",
        help="Reference to subtract from each broadband channel, made from its bank of "
        "neighbouring channels. Default: none.",
    ),
]
Bank = Annotated[
    int | None,
    typer.Option(
        "--bank",
        metavar="N",
        min=2,
        max=1024,
        help="Number of neighbouring channels that share a reference. Default: 32.",
    ),
]
Outputs = Annotated[
    str,
    typer.Option(
        "--outputs",
        metavar="NAMES",
        help="Outputs to decode, comma-separated, e.g. cursor_x,cursor_y; rt-ner inspect lists "
        "them. Default: all velocities; if there are none, all outputs.",
    ),
]
ConfigPath = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="Settings file (TOML); see rt-ner settings for examples."
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace results that are already there.")
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help=_SEED_HELP)]
SettingsSeed = Annotated[
    int | None,
    typer.Option("--seed", metavar="N", min=0, help=f"{_SEED_HELP} Default: from the settings, 0."),
]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="NAME",
        help="Processor to train on, e.g. cpu or cuda; auto: the GPU if there is one.",
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the results as one JSON object on stdout.")
]
FigurePath = Annotated[
    Path | None,
    typer.Option("--figure", metavar="FILE", help="Save a figure of the result, e.g. result.png."),
]

# Streams
_NAME = typer.Option("--name", metavar="NAME", help="Publish the streams under this name.")
StreamName = Annotated[str, _NAME]
OptionalStreamName = Annotated[str | None, _NAME]
WaitS = Annotated[
    float | None,
    typer.Option(
        "--wait",
        metavar="SECONDS",
        help="Give up if no spike stream appears within this time, e.g. 30. Default: never.",
    ),
]
SourceId = Annotated[
    str | None,
    typer.Option(
        "--source",
        metavar="ID",
        help="Use the spike stream with this source_id, e.g. replay/spikes; several with commas, "
        "one for each area of the bundle: nsp1/spikes,nsp2/spikes. Default: the only one.",
    ),
]
DecoderName = Annotated[
    str,
    typer.Option(
        "--decoder",
        metavar="NAME",
        help="Name of the decoder to listen to. Default: this computer's, rt-ner@HOST.",
        show_default=False,
        callback=lambda name: name or decoder_name(),
    ),
]
TaskName = Annotated[
    str, typer.Option("--task", metavar="NAME", help="Name of the task to listen to.")
]
ControlAs = Annotated[
    str,
    typer.Option(
        "--control-as",
        metavar="NAME",
        help="Send commands under this name; rt-ner decode --commands NAME/commands obeys them.",
    ),
]
SpikeForm = Annotated[
    Form,
    typer.Option(
        "--form", help="Send spike counts at 1 kHz, single spikes, or raw voltage at 30 kHz."
    ),
]
RecordAs = Annotated[
    str,
    typer.Option(
        "--record-as",
        metavar="SUBJECT/SESSION/TASK",
        help="Labels in the recording's file name, e.g. M/day1/reach. Default: X/DATE/reach.",
    ),
]
RecordFormat = Annotated[
    RecordingFormat,
    typer.Option("--format", help="File format; only xdf needs LabRecorder."),
]
ChannelMap = Annotated[
    Path | None,
    typer.Option("--channel-map", metavar="FILE", help="Blackrock map file (.cmp) of the array."),
]
Speed = Annotated[
    float,
    typer.Option(
        "--speed",
        metavar="FACTOR",
        help="Run faster than real time, e.g. 2; task and subject need the same speed.",
        min=1.0,
        max=_FASTEST,
    ),
]


def session_option(use: str) -> Any:
    """Return the option --session, a recorded session file, with what a command uses it for."""
    return typer.Option("--session", metavar="FILE", help=f"Recorded session file. {use}")


UnitsOf = Annotated[Path | None, session_option("Simulate its units. Default: made-up neurons.")]


def check_recipe_use(session: Path | None, recipe: Path | None) -> None:
    """Raise ConfigError if there is a recipe, but no session file to read by it."""
    if recipe is not None and session is None:
        raise ConfigError(f"--recipe {recipe} reads a session file: name that file too")


def recipe_arguments(recipe: Path | None) -> list[str]:
    """Return the arguments that hand a recipe on to another command."""
    return [] if recipe is None else ["--recipe", str(recipe.resolve())]


def out_option(result: str, metavar: str = "FOLDER") -> Any:
    """Return the option --out, the place that results are written to."""
    return typer.Option("--out", metavar=metavar, help=f"{metavar.capitalize()} for {result}.")


def print_json(summary: object) -> None:
    """Print one JSON object on stdout."""
    json.dump(summary, sys.stdout, indent=2)
    sys.stdout.write("\n")


def table_of(title: str) -> Table:
    """Return a table with a title and no header, for rows of a name and a value."""
    return Table(title=title, title_justify="left", show_header=False)
