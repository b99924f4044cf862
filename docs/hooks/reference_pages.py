"""Write the reference from the code: the command line, the settings, the Python API."""

import re
from collections.abc import Iterator
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

import typer

import offline_training
import rt_ner
from rt_ner.cli import build_app

ROOT = Path(__file__).resolve().parents[2]
# The example files of settings, with the commands that read them.
CONFIGS = sorted((ROOT / "configs").glob("*.toml"))
# Behind an argument: its type in Python, which tells users nothing.
_TYPE = re.compile(r" +<.*>$")
# The comments right above a section belong to it.
_SECTION = re.compile(r"^(?:#.*\n)*\[+([\w.]+)\]+", re.MULTILINE)


def pages() -> dict[str, str]:
    """Return the text of each generated page by its place in the site."""
    return {
        "reference/command_line.md": command_line(),
        "reference/settings.md": settings(),
        "reference/rt_ner.md": api("rt_ner", rt_ner.__all__),
        "reference/offline_training.md": api("offline_training", offline_training.__all__),
    }


def command_line() -> str:
    """Return the page of all commands, with their help and options."""
    app = typer.main.get_command(build_app())
    parts = [
        "# Command line\n\nThis page is made from the commands themselves; "
        "`rt-ner COMMAND --help` shows the same. [Commands by task](../commands.md) is shorter.\n"
    ]
    for words, command in _commands(app, "rt-ner"):
        heading = "#" * min(len(words.split()), 4)
        parts.append(f"{heading} `{words}`\n\n{_description(command)}\n\n{_parameters(command)}")
    return "\n".join(parts)


def _commands(group: Any, words: str) -> Iterator[tuple[str, Any]]:
    """Yield each visible command of a group, and of the groups in it, with its full name."""
    context = typer.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command.hidden:
            continue
        yield f"{words} {name}", command
        if hasattr(command, "list_commands"):
            yield from _commands(command, f"{words} {name}")


def _description(command: Any) -> str:
    """Return a command's help; its examples are shown as code."""
    paragraphs = re.sub(r"[\f\b]", "", command.help or "").strip().split("\n\n")
    return "\n\n".join(_as_code(" ".join(text.split())) for text in paragraphs)


def _as_code(paragraph: str) -> str:
    said, example, line = paragraph.rpartition("Example: ")
    if (example and line.startswith("rt-ner ")) or paragraph.startswith("rt-ner "):
        return f"{_text(said)}\n\n```sh\n{line}\n```".strip()
    return _text(paragraph)


def _parameters(command: Any) -> str:
    """Return a table of a command's arguments and options."""
    context = typer.Context(command)
    records = [each.get_help_record(context) for each in command.params]
    rows = [
        f"| `{names if names.startswith('-') else _TYPE.sub('', names)}` | {_text(said)} |"
        for names, said in filter(None, records)
    ]
    return (
        "\n".join(["| argument or option | meaning |", "| --- | --- |", *rows, ""]) if rows else ""
    )


def _text(text: str) -> str:
    """Return plain text as Markdown that shows it unchanged, its options as code."""
    shown = re.sub(r"([\\*_\[\]|`])", r"\\\1", escape(text, quote=False))
    return re.sub(r"(?<!\w)(--[a-z][a-z-]*[a-z])", r"`\1`", shown)


def settings() -> str:
    """Return the page of all settings: the example files, section by section."""
    parts = [
        "# Settings\n\nEvery setting, its default and a comment, as `rt-ner settings NAME` prints "
        "them. Keep only the lines that you change, and pass the file with `--config`.\n"
    ]
    for path in CONFIGS:
        parts.append(f"## {path.stem}\n\nPrinted by `rt-ner settings {path.stem}`.\n")
        text = path.read_text(encoding="utf-8")
        starts = [0, *(match.start() for match in _SECTION.finditer(text)), len(text)]
        for start, end in pairwise(starts):
            section = text[start:end].strip()
            if named := _SECTION.match(section):
                parts.append(f"### {path.stem}: \\[{named[1]}\\]\n")
            parts.append(f"```toml\n{section}\n```\n")
    return "\n".join(parts)


def api(package: str, names: list[str]) -> str:
    """Return the page of a package's public names, which mkdocstrings fills in."""
    public = [name for name in names if not name.startswith("_")]
    ordered = sorted(public, key=lambda name: (name[0].isupper(), name.lower()))
    directives = [f"::: {package}.{name}\n" for name in ordered]
    return f"# Python: `{package}`\n\n" + "\n".join(directives)
