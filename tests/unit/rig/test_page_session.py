"""A rig with a page: the loop first, then all that the page orders; the page runs through."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from rt_ner.core.errors import RtNerError
from rt_ner.rig import session as module
from rt_ner.rig.file.layout import Rig
from rt_ner.rig.file.settings import RigSettings
from rt_ner.rig.plan.part import Part, Plan
from rt_ner.rig.plan.steps import Step
from rt_ner.rig.session import FindingsError, Session, open_session

Runs = list[list[str]]


class FakeRun:
    """A plan that runs until the next of the test's orders; after the last, all is stopped."""

    runs: Runs
    orders: list[str]
    pages: list[Part]

    def __init__(self, rig: Rig, plan: Plan, tell: Callable[[str], None], page: Any) -> None:
        self.runs.append([part.name for part in plan.parts])
        self.pages.append(plan.parts[0])
        self._page = page
        self.ordered = ""
        self.supervisor = SimpleNamespace(members=[], member=lambda _: None)

    def run(self, stop: Event, earlier: object) -> None:
        self._page.member = self._page.member or SimpleNamespace(process=None)
        if self.orders:
            self.ordered = self.orders.pop(0)
        else:
            stop.set()


@pytest.fixture
def findings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of what is wrong with the rig, empty at first."""
    wrong: list[str] = []
    monkeypatch.setattr(module, "RigRun", FakeRun)
    monkeypatch.setattr(module, "Network", lambda: SimpleNamespace(settled=list))
    monkeypatch.setattr(module, "findings_of", lambda *_: list(wrong))
    monkeypatch.setattr(module, "page_findings", lambda *_: list(wrong))
    monkeypatch.setattr(module, "loop_plan", lambda *_: Plan((Part("decoder", ()),), "", "rig-1"))
    monkeypatch.setattr(module, "plan_of", lambda step, *_: Plan((Part(step, ()),), step))
    return wrong


@contextmanager
def opened(folder: Path, bundle: str, orders: list[str]) -> Iterator[tuple[Session, list[str]]]:
    FakeRun.runs, FakeRun.pages, FakeRun.orders = [], [], orders
    settings = RigSettings.model_validate(
        {"page": {"enabled": True}, "decoder": {"bundle": bundle}, "day": "day1"}
    )
    told: list[str] = []
    with open_session(Rig(settings, folder), told.append) as session:
        yield session, told


def serve(folder: Path, bundle: str, orders: list[str]) -> tuple[Runs, list[str]]:
    with opened(folder, bundle, orders) as (session, told):
        session.up(Event())
    return FakeRun.runs, told


def test_with_a_bundle_the_loop_runs_and_then_what_is_ordered(
    tmp_path: Path, findings: list[str]
) -> None:
    runs, _ = serve(tmp_path, "bundle", ["train", "rest", "loop"])
    assert runs == [["page", "decoder"], ["page", "train"], ["page"], ["page", "decoder"]]


def test_without_a_bundle_the_page_waits_for_a_step(tmp_path: Path, findings: list[str]) -> None:
    runs, told = serve(tmp_path, "", ["calibrate"])
    assert runs == [["page"], ["page", "calibrate"]]
    assert "nothing runs" in told[0]


def test_after_a_step_nothing_runs_whether_it_failed_or_not(
    tmp_path: Path, findings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(self: FakeRun, stop: Event, earlier: object) -> None:
        self._page.member = SimpleNamespace(process=None)
        if len(self.runs) == 2:
            raise RtNerError("the step failed: no disk")
        self.ordered = "train" if len(self.runs) == 1 else ""
        if len(self.runs) == 3:
            stop.set()

    monkeypatch.setattr(FakeRun, "run", end)
    runs, told = serve(tmp_path, "", [])
    assert runs == [["page"], ["page", "train"], ["page"]]
    assert "the step failed: no disk" in told


def test_what_is_wrong_at_the_start_is_an_error_and_later_is_told(
    tmp_path: Path, findings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    findings.append("no camera")
    with pytest.raises(FindingsError, match="no camera"):
        serve(tmp_path, "bundle", [])
    assert FakeRun.runs == []
    monkeypatch.setattr(module, "page_findings", lambda *_: [])
    runs, told = serve(tmp_path, "", ["loop"])
    assert runs == [["page"], ["page"]]
    assert "no camera" in told


def test_one_page_without_steps_serves_a_whole_day_and_its_stop_ends_it(
    tmp_path: Path, findings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, is_over = list[str](), Event()
    monkeypatch.setattr(module, "_result", lambda step, *_: {"of": step})
    monkeypatch.setattr(module.PageLink, "orders", lambda _: ["start"] * (len(FakeRun.runs) == 1))
    monkeypatch.setattr(module.PageLink, "end", lambda _: ended.append("page"))
    with opened(tmp_path, "bundle", ["", "", "rest"]) as (session, told):
        for step in (Step.CALIBRATE, Step.TRAIN):
            assert session.run(step, is_over) == {"of": step}
        assert told == ["page: 'start' came while nothing ran, and is left out"]
        assert session.run(Step.DECODE, is_over) == {}
        assert is_over.is_set()
        assert ended == []
    assert ended == ["page"]
    assert FakeRun.runs == [["page", "calibrate"], ["page", "train"], ["page", "decode"]]
    assert len({part.arguments for part in FakeRun.pages}) == 1
    assert FakeRun.pages[0].arguments[FakeRun.pages[0].arguments.index("--steps") + 1] == ""
