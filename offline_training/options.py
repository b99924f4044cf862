"""Options: what the trainer's commands share on the command line."""

import json
import os
import sys
from importlib.util import find_spec
from typing import Annotated

import typer

from rt_ner.errors import RtNerError

Device = Annotated[
    str, typer.Option(help="Where to train: cpu, cuda, …; auto: the GPU, if there is one.")
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout, nothing else.")
]


def require_training() -> None:
    """Raise RtNerError where the trainer's packages are not installed."""
    # Torch's and Numba's thread pools take turns; idle threads that spin would steal the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    missing = [name for name in ("torch", "onnx", "sklearn", "matplotlib") if not find_spec(name)]
    if missing:
        raise RtNerError(
            f"{', '.join(missing)} not installed, which training needs: pip install 'rt-ner[train]'"
        )


def print_json(content: dict[str, object]) -> None:
    """Print one JSON object on stdout."""
    json.dump(content, sys.stdout, indent=2)
    sys.stdout.write("\n")
