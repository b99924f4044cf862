"""A session that goes on past midnight, or whose clock is set back, stays that of its day."""

from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("pylsl")
from rt_ner.core.errors import ConfigError
from rt_ner.rig import session as module
from rt_ner.rig.file import layout
from rt_ner.rig.file.layout import Rig, load_rig
from rt_ner.rig.file.settings import RigSettings
from rt_ner.rig.plan.part import Plan
from rt_ner.rig.plan.steps import Step, bundle_of, plan_of


@pytest.fixture(autouse=True)
def _after_midnight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "today", lambda: "20261129")


def rig_of(folder: Path, text: str = "") -> Rig:
    (folder / "rig.toml").write_text(text)
    return load_rig(folder / "rig.toml")


@pytest.mark.parametrize(
    ("text", "runs", "expected"),
    [
        ("", True, "20261128"),
        ("", False, "20261129"),
        ('day = "mine"\n', True, "mine"),
    ],
)
def test_what_ran_before_midnight_is_taken_over_under_its_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, runs: bool, expected: str
) -> None:
    days: list[str] = []

    class Run:
        def __init__(self, rig: Rig, *_: Any) -> None:
            days.append(rig.settings.day)
            self.ordered = ""
            self.supervisor = SimpleNamespace(members=[], member=lambda _: None)

        def run(self, *_: object) -> None:
            pass

    part = SimpleNamespace(name="decoder", runs=runs)
    earlier = SimpleNamespace(parts=[part], day="20261128", commands="", pid=1)
    monkeypatch.setattr(module, "unwatched_state", lambda _: earlier)
    monkeypatch.setattr(module, "RigRun", Run)
    monkeypatch.setattr(module, "Network", lambda: SimpleNamespace(settled=list))
    monkeypatch.setattr(module, "findings_of", lambda *_: [])
    monkeypatch.setattr(module, "bundle_of", lambda _: tmp_path)
    monkeypatch.setattr(module, "loop_plan", lambda *_: Plan(()))
    with module.open_session(rig_of(tmp_path, text), print) as session:
        session.up(Event())
    assert days == [expected]


def test_a_step_after_midnight_says_how_to_go_on_with_the_day_before(tmp_path: Path) -> None:
    before = Rig(RigSettings(day="20261128"), tmp_path)
    before.recording_name("calibration").next_path(before.recordings).touch()
    before.next_bundle().mkdir(parents=True)
    after = rig_of(tmp_path)
    with pytest.raises(ConfigError, match='go on with an earlier day: day = "20261128"'):
        plan_of(Step.TRAIN, after, "")
    with pytest.raises(ConfigError, match='go on with an earlier day: day = "20261128"'):
        bundle_of(after)
