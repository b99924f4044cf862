"""Proposals and results in words, for people and programs."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from rt_ner.cli import build_app
from rt_ner.core.errors import ConfigError
from rt_ner.doctor.computer.command import propose
from rt_ner.doctor.computer.fixes.priority import Account
from rt_ner.doctor.computer.repair import Applied, Left, Undone
from rt_ner.doctor.computer.report import (
    print_applied,
    print_proposals,
    print_undone,
    proposals_as_json,
)
from tests.helpers.fake_computer import ON_TIME, FakeComputer, affinity_of


@pytest.fixture
def out() -> Console:
    return Console(file=io.StringIO(), width=100, highlight=False, markup=False)


def text_of(out: Console) -> str:
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def test_a_proposal_names_files_values_and_permission(tmp_path: Path, out: Console) -> None:
    computer = FakeComputer(tmp_path).with_governors("powersave", "powersave")
    proposals = propose(computer, None, Account("ann", is_permitted=True))
    permitted = [False, True, True, True]
    print_proposals(proposals, permitted, out)
    said = text_of(out)
    assert "/cpu[0-1]/cpufreq/scaling_governor: powersave → performance" in said
    assert "no: needs root" in said
    assert "permitted for ann" in said
    first = json.loads(json.dumps(proposals_as_json(proposals, permitted)))[0]
    assert (first["is_permitted"], len(first["changes"])) == (False, 2)


def test_results_show_the_effect_and_count_what_was_refused(out: Console) -> None:
    left = tuple(Left(affinity_of(number), "refused: busy") for number in (4, 5))
    print_applied([Applied("interrupts", (affinity_of(9),), left, ON_TIME, ON_TIME)], 1, out)
    said = text_of(out)
    assert "interrupts: 1 file changed" in said
    assert "2 files not changed (refused: busy): /proc/irq/[4-5]/smp_affinity_list" in said
    assert "before" in said
    assert "--undo" in said


def test_an_undo_says_what_was_left_alone(out: Console) -> None:
    left = (Left(affinity_of(4), "changed by somebody else, to '1'"),)
    print_undone(Undone((affinity_of(5),), left, (), 3), out)
    assert text_of(out).splitlines() == [
        "put back: /proc/irq/5/smp_affinity_list",
        "1 file left alone (changed by somebody else, to '1'): /proc/irq/4/smp_affinity_list",
        "3 files put back by the restart of the computer",
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--apply"], "use --fix --apply"),
        (["--fix", "--undo"], "without --fix"),
        (["--undo", "--apply"], "use --fix --apply"),
        (["bundle", "--fix"], "leave BUNDLE and --source out"),
        (["--undo", "--source", "amp"], "leave BUNDLE and --source out"),
    ],
)
def test_options_that_do_not_belong_together_are_refused(options: list[str], said: str) -> None:
    result = CliRunner().invoke(build_app(), ["doctor", *options])
    assert isinstance(result.exception, ConfigError)
    assert said in str(result.exception)
