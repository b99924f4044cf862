"""`rt-ner settings`: example files that are the defaults, for users of the wheel too."""

import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from offline_training.settings import TrainSettings
from offline_training.sweep.settings import SessionGroup, SweepSettings
from rt_ner.cli import build_app
from rt_ner.core.settings import Settings
from rt_ner.live.settings import DecodeSettings
from rt_ner.rig.file.settings import RigSettings
from rt_ner.task.settings import TaskSettings
from rt_ner.terminal.commands import Example

ROOT = Path(__file__).resolve().parents[3]
KINDS: dict[Example, type[Settings]] = {
    Example.DECODE: DecodeSettings,
    Example.TRAIN: TrainSettings,
    Example.TASK: TaskSettings,
    Example.SWEEP: SweepSettings,
    Example.RIG: RigSettings,
}
DEFAULTS = {example: kind() for example, kind in KINDS.items() if example != Example.SWEEP} | {
    # The sessions are what a sweep can't do without.
    Example.SWEEP: SweepSettings(sessions=(SessionGroup(files=("*.npz",)),)),
}


@pytest.mark.parametrize("example", list(Example))
def test_an_example_is_printed_as_it_is_and_holds_the_defaults(example: Example) -> None:
    result = CliRunner().invoke(build_app(), ["settings", example])
    assert result.exit_code == 0
    assert result.output == (ROOT / "configs" / f"{example}.toml").read_text(encoding="utf-8")
    assert KINDS[example].model_validate(tomllib.loads(result.output)) == DEFAULTS[example]


def test_every_example_is_offered() -> None:
    assert {f"{example}.toml" for example in Example} == {
        path.name for path in (ROOT / "configs").glob("*.toml")
    }


def test_without_an_argument_the_examples_are_listed() -> None:
    output = CliRunner().invoke(build_app(), ["settings"]).output
    for example in Example:
        assert f"\n{example}" in f"\n{output}"


def test_an_unknown_example_is_refused() -> None:
    result = CliRunner().invoke(build_app(), ["settings", "view"])
    assert result.exit_code == 2
    assert "decode" in result.output
