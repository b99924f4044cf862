"""Print the example settings files that come with the package."""

from enum import StrEnum
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer


class Example(StrEnum):
    """An example settings file, named after the command that reads it."""

    DECODE = "decode"
    TRAIN = "train"
    TASK = "task"
    SWEEP = "sweep"
    RIG = "rig"


_USES = {
    Example.DECODE: "rt-ner decode and rt-ner doctor: input, safety, timing, output",
    Example.TRAIN: "rt-ner train, demo, transfer and closed-loop: window, network, loss",
    Example.SWEEP: "rt-ner sweep: sessions, methods, settings to try, seeds, limits",
    Example.TASK: "rt-ner task: targets, holds, delays, time-outs",
    Example.RIG: "rt-ner rig: source, decoder, task, window, recorder, adaptation",
}


def settings(
    example: Annotated[
        Example | None,
        typer.Argument(show_default=False, help="Print this file; without it, list all files."),
    ] = None,
) -> None:
    """Print an example settings file.

    The file holds every setting with its default and a comment. Keep the lines that you change and
    pass the file with --config.

    Example: rt-ner settings decode > my-decode.toml

    rt-ner decode m1-bundle --config my-decode.toml
    """
    if example is None:
        for name, use in _USES.items():
            typer.echo(f"{name:<8}{use}")
        typer.echo("Save one with, for example: rt-ner settings decode > my-decode.toml")
        return
    typer.echo(example_text(example), nl=False)


def example_text(example: Example) -> str:
    """Return the text of an example settings file."""
    return _folder().joinpath(f"{example}.toml").read_text(encoding="utf-8")


def _folder() -> Traversable:
    """Return the folder of the examples: beside the code in a wheel, else at the top level."""
    installed = files("rt_ner").joinpath("configs")
    return installed if installed.is_dir() else Path(__file__).parents[2] / "configs"
