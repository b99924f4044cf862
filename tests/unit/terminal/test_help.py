"""Help: one screen, one line per command, and texts that a reader understands."""

import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from rt_ner.bench.commands import Measurements
from rt_ner.bench.commands import app as bench
from rt_ner.cli import Commands, build_app
from rt_ner.terminal.lazy_group import LazyGroup

WIDTH, HEIGHT = 80, 43
ODD = re.compile(r"^(What|Whether|Who|Told|How|So many)\b")


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))


def help_of(*names: str) -> str:
    result = CliRunner().invoke(build_app(), [*names, "--help"])
    assert result.exit_code == 0, result.output
    return result.output


def commands_of(app: typer.Typer) -> Iterator[tuple[str, Any]]:
    group: Any = typer.main.get_command(app)
    with group.make_context("rt-ner", [], resilient_parsing=True) as context:
        for name in group.list_commands(context):
            yield name, group.get_command(context, name)


COMMANDS = {
    (group, name): command
    for group, app in (("", build_app()), ("bench", bench))
    for name, command in commands_of(app)
}


@pytest.mark.parametrize("names", [(), ("bench",)])
def test_the_overview_fits_one_screen(names: tuple[str, ...]) -> None:
    lines = help_of(*names).splitlines()
    assert len(lines) <= HEIGHT
    assert max(map(len, lines)) <= WIDTH
    assert "..." not in "".join(lines[1:])


@pytest.mark.parametrize("group", [Commands, Measurements])
def test_a_command_has_one_line_in_a_panel(group: type[LazyGroup]) -> None:
    lines = help_of(*([] if group is Commands else ["bench"])).splitlines()
    for title, panel in group.panels.items():
        assert f"{title}:" in lines
        for name, summary in panel.items():
            (line,) = [line for line in lines if line.split()[:1] == [name]]
            assert line.endswith(f"  {summary}")


@pytest.mark.parametrize(("name", "group"), [("", Commands), ("bench", Measurements)])
def test_summaries_are_the_first_lines_of_docstrings(name: str, group: type[LazyGroup]) -> None:
    summaries = {name: line for panel in group.panels.values() for name, line in panel.items()}
    found = {
        command: each.help.split("\n\n")[0]
        for (of, command), each in COMMANDS.items()
        if of == name
    }
    assert summaries == found


def test_every_command_of_ours_is_offered() -> None:
    ours = {entry.name for entry in entry_points(group="rt_ner.commands") if entry.dist}
    assert {name for panel in Commands.panels.values() for name in panel} <= ours


@pytest.mark.parametrize(("group", "name"), COMMANDS)
def test_a_command_explains_itself(group: str, name: str) -> None:
    text = help_of(*filter(None, (group, name)))
    assert max(map(len, text.splitlines())) <= WIDTH
    for parameter in getattr(COMMANDS[group, name], "params", []):
        words = getattr(parameter, "help", None)
        if getattr(parameter, "hidden", False) or name in ("bench",):
            continue
        assert words, f"{name}: {parameter.name} has no help"
        assert words.endswith("."), f"{name}: {parameter.name}: {words}"
        assert not ODD.match(words), f"{name}: {parameter.name}: {words}"


@pytest.mark.parametrize("command", COMMANDS.values(), ids=map(" ".join, COMMANDS))
def test_shared_options_mean_the_same_everywhere(command: Any) -> None:
    for parameter in getattr(command, "params", []):
        if getattr(parameter, "hidden", False):
            continue
        words = getattr(parameter, "help", None) or ""
        if "--session" in parameter.opts:
            assert words.startswith("Recorded session file.")
        if "--wait" in parameter.opts:
            assert "Default: never." in words
            assert parameter.metavar == "SECONDS"
        if "--out" in parameter.opts:
            assert re.match(r"(File|Folder) for ", words)


@pytest.mark.parametrize(
    ("command", "option", "choices"),
    [
        (("replay", "x.npz"), "--form", "raster|events|broadband"),
        (("noise",), "--form", "raster|events|broadband"),
        (("bench", "latency"), "--form", "raster|events|broadband"),
        (("bench", "peers"), "--only", "plain|ezmsg|mne-lsl"),
        (("task",), "--layout", "centre-out|centre-out-back|random|grid"),
        (("recalibrate", "x", "--out", "y"), "--part", "readout|encoder"),
        (("adapt", "x", "--out", "y"), "--method", "rls|smooth-batch"),
    ],
)
def test_choices_are_shown_and_checked(command: tuple[str, ...], option: str, choices: str) -> None:
    names = command[: 2 if command[0] == "bench" else 1]
    assert choices in help_of(*names)
    result = CliRunner().invoke(build_app(), [*command, option, "nonsense"])
    assert result.exit_code == 2
    assert "nonsense" in result.output
    for choice in choices.split("|"):
        assert choice in result.output


def commands_with(*metavars_or_options: str) -> Iterator[tuple[str, Any]]:
    for (_, name), command in COMMANDS.items():
        for parameter in getattr(command, "params", []):
            if {parameter.metavar, *parameter.opts} & set(metavars_or_options):
                yield name, command
                break


def test_every_command_that_reads_a_session_takes_a_recipe_for_it() -> None:
    readers = dict(
        commands_with("SESSION", "SESSION...", "RECORDING...", "DAY... NEW_DAY", "--session")
    )
    # The labels of a recording's name, not a session file.
    readers.pop("record", None)
    # A recording of all streams, which no recipe describes.
    readers.pop("report", None)
    assert {
        "train", "evaluate", "compare", "transfer", "replay", "convert", "demo", "subject",
        "closed-loop", "soak",
    } <= readers.keys()  # fmt: skip
    texts = {
        name: [one.help for one in command.params if "--recipe" in one.opts]
        for name, command in readers.items()
    }
    assert all(texts.values()), texts
    assert len({text for (text,) in texts.values()}) == 1
