"""Commands are imported when they are called, those of other packages as well."""

import sys
from importlib import import_module
from importlib.metadata import Distribution, EntryPoint, EntryPoints
from types import ModuleType
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from rt_ner.cli import build_app
from rt_ner.core.errors import RtNerError
from rt_ner.terminal import lazy_group

GROUP = "rt_ner.commands"


def hello(name: str = "world") -> None:
    """Greet a laboratory.

    More about it.
    """
    typer.echo(f"hello {name}")


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> "Offer":
    return Offer(monkeypatch)


class Offer:
    """Installs entry points beside those that there are."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, **places: str) -> None:
        others = [EntryPoint(name, place, GROUP) for name, place in places.items()]
        real = lazy_group.entry_points

        def entry_points(*, group: str) -> EntryPoints:
            more = others if group == GROUP else []
            return EntryPoints([*real(group=group), *more])

        self._monkeypatch.setattr(lazy_group, "entry_points", entry_points)

    def module(self, name: str, **content: object) -> None:
        module = ModuleType(name)
        vars(module).update(content)
        self._monkeypatch.setitem(sys.modules, name, module)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(build_app(), list(arguments))


def test_a_command_of_another_package_works(offer: Offer) -> None:
    offer.module("lab_tools", hello=hello)
    offer(hello="lab_tools:hello")
    overview = run("--help").output
    assert "More:\n  hello        Greet a laboratory." in overview
    assert "  decode " in overview
    assert run("hello", "--name", "M1").output == "hello M1\n"
    assert "More about it." in run("hello", "--help").output


def test_a_group_of_another_package_works(offer: Offer) -> None:
    app = typer.Typer(help="Tools of the laboratory.", rich_markup_mode=None)
    app.command("one")(hello)
    app.command("two")(hello)
    offer.module("lab_tools", app=app)
    offer(tools="lab_tools:app")
    assert "tools        Tools of the laboratory." in run("--help").output
    assert run("tools", "two").output == "hello world\n"


def test_another_package_can_not_replace_our_commands(offer: Offer) -> None:
    offer.module("lab_tools", hello=hello)
    offer(decode="lab_tools:hello")
    assert "hello" not in run("decode").output
    assert "More:" not in run("--help").output


def test_each_distribution_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """At every start: to find a distribution's name, its metadata are parsed."""
    looks: list[Distribution] = []
    name = Distribution.name

    def look(distribution: Distribution) -> str:
        looks.append(distribution)
        return name.__get__(distribution)

    monkeypatch.setattr(Distribution, "name", property(look))
    assert "Usage" in run("simulate", "--help").output
    assert len(looks) == len({id(one) for one in looks})


def test_a_command_that_can_not_be_imported_harms_no_other(offer: Offer) -> None:
    name = "no_such_laboratory"
    offer.module("lab_tools", __getattr__=lambda _: import_module(f"{name}.tools"))
    offer(broken="lab_tools:main")
    overview = run("--help")
    assert overview.exit_code == 0
    assert "  broken       Not available: ModuleNotFoundError" in overview.output
    assert run("settings").exit_code == 0
    result = run("broken", "--speed", "3", "file")
    assert isinstance(result.exception, RtNerError)
    message = str(result.exception)
    assert "the command 'broken' can't be loaded" in message
    assert "No module named 'no_such_laboratory'" in message
    assert "pip install no_such_laboratory" in message


def test_a_command_with_a_bug_harms_no_other(offer: Offer) -> None:
    offer.module("lab_tools")
    offer(broken="lab_tools:not_there")
    assert run("--help").exit_code == 0
    with pytest.raises(RtNerError, match="AttributeError.*update the package 'lab_tools'"):
        raise run("broken").exception or AssertionError


def test_what_is_no_command_harms_no_other(offer: Offer) -> None:
    offer.module("lab_tools", number=3)
    offer(broken="lab_tools:number")
    assert "  broken       Not available: " in run("--help").output
    assert isinstance(run("broken").exception, RtNerError)


def test_the_nearest_command_is_suggested() -> None:
    result = run("decod")
    assert result.exit_code == 2
    assert "No such command 'decod'. Did you mean decode" in result.output
    assert "Did you mean" not in run("xyzzy").output


def test_no_arguments_show_the_help() -> None:
    assert "Usage:" in run().output
    assert "Closed loop:" in run().output
