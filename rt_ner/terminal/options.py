"""Options: what several commands take alike, and how they answer as JSON."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

# Transport and computing are about half a millisecond: at this speed they count as two.
_FASTEST = 4.0

BundlePath = Annotated[Path, typer.Argument(metavar="BUNDLE", help="Folder of a trained bundle.")]
ConfigPath = Annotated[
    Path | None, typer.Option("--config", help="TOML file with settings; see configs/.")
]
AreaName = Annotated[
    str | None, typer.Option("--area", help="Brain area, where a recording holds several.")
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout, nothing else.")
]
RecordAs = Annotated[
    str,
    typer.Option(help="How a recording is called: SUBJECT/SESSION/TASK; usually X/DATE/reach."),
]
Speed = Annotated[
    float,
    typer.Option(
        help="So many times faster than real time, for all of a loop on one computer alike.",
        min=1.0,
        max=_FASTEST,
    ),
]


def print_json(summary: object) -> None:
    """One JSON object on stdout."""
    json.dump(summary, sys.stdout, indent=2)
    sys.stdout.write("\n")


SessionPath = Annotated[Path, typer.Argument(metavar="SESSION", help="Session file.")]
