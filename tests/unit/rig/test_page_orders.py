"""The page gets a token of its own at each start, and its orders reach the rig."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("uvicorn")

from rt_ner.rig.checks import page as page_checks
from rt_ner.rig.file.layout import Rig
from rt_ner.rig.file.sections import PageSettings
from rt_ner.rig.file.settings import RigSettings
from rt_ner.rig.links.page_link import PageLink, new_token
from rt_ner.rig.links.teller import RigTeller
from rt_ner.rig.page import page as module
from rt_ner.rig.page.page import Commanding
from rt_ner.rig.page.web.access import Access
from rt_ner.rig.plan.part import Part
from rt_ner.rig.plan.parts import page_part
from tests.unit.rig.fakes import FakeLab

SETTINGS = PageSettings(enabled=True, port=8765)


class Heard:
    """The page's process, of which the test sees what it is told."""

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []

    def order(self, order: str, **values: object) -> None:
        self.orders.append({"order": order, **values})


def test_each_start_has_a_new_token_which_is_shown_on_the_terminal_alone(tmp_path: Path) -> None:
    shown: list[str] = []
    teller = RigTeller(shown.append, tmp_path / "logs", tmp_path / "events")
    link = PageLink(Rig(RigSettings(page=SETTINGS), tmp_path), teller)
    tokens = set()
    for _ in range(2):
        page = Heard()
        link.greet(page)  # type: ignore[arg-type]
        (order,) = page.orders
        assert str(order["token"]) in shown[-1]
        assert "http://localhost:8765" in shown[-1]
        tokens.add(order["token"])
    assert len(tokens) == 2
    teller("decoder: started")
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    text = "".join(file.read_text() for file in files)
    assert "decoder: started" in text
    assert not any(str(token) in text for token in tokens)
    assert not any(token in page_part_arguments(tmp_path) for token in tokens)


def page_part_arguments(folder: Path) -> str:
    return " ".join(page_part(Rig(RigSettings(), folder), ["train"], "rig-1-page").arguments)


def test_a_token_can_be_typed_and_is_never_the_same() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(re.fullmatch(r"([a-hjkmnp-z2-9]{4}-){3}[a-hjkmnp-z2-9]{4}", one) for one in tokens)


def test_the_pages_orders_reach_the_rig_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    outlet = SimpleNamespace(is_heard=lambda: True, send=sent.append)
    monkeypatch.setattr(module, "CommandOutlet", lambda _: outlet)
    commanding = Commanding("rig-1-page", ["loop", "train"])
    link = PageLink(
        Rig(RigSettings(), tmp_path),
        RigTeller(lambda _: None, tmp_path / "logs", tmp_path / "events"),
    )
    link.greet(Heard())  # type: ignore[arg-type]
    to_decoder = ["hold", "resume", "slower", "faster", "swap", "undo"]
    assert {*to_decoder, "rest", "start", "loop", "train"} == set(commanding.orders)
    assert [commanding.obey(order) for order in (*to_decoder, "train", "rest")] == [""] * 8
    (tmp_path / "logs" / "page.events.jsonl").write_text(capsys.readouterr().out)
    assert sent == to_decoder
    assert link.orders() == ["train", "rest"]
    assert link.orders() == []


def test_a_command_that_nobody_hears_is_not_called_obeyed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CommandOutlet", lambda _: SimpleNamespace(is_heard=lambda: False))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_event", full)
    commanding = Commanding("rig-1-page", [])
    assert "no decoder" in commanding.obey("hold")
    assert "No space left" in commanding.obey("rest")


def test_a_page_runs_on_from_plan_to_plan() -> None:
    page, view, task = Part("page", ()), Part("view", ()), Part("task", ())
    first = FakeLab(page, view)
    first.supervisor.step(0.0)
    first.supervisor.stop(kept="page")
    assert "interrupt page" not in first.log
    member = first.supervisor.member("page")
    assert member
    second = FakeLab(page, task)
    second.supervisor.adopt(member)
    second.supervisor.step(1.0)
    assert second.names() == ["task"]
    second.supervisor.stop()
    assert "interrupt page" in first.log


def test_missing_packages_and_a_port_that_is_taken_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with page_checks.listening_socket("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        settings = SETTINGS.model_copy(update={"port": port})
        (line,) = page_checks.page_findings(settings, ())
        assert f"port {port}" in line
        assert "set another port" in line
        assert page_checks.page_findings(settings, ("page",)) == []
        assert page_checks.page_findings(PageSettings(port=port), ()) == []
    monkeypatch.setattr(page_checks, "find_spec", lambda _: None)
    (line,) = page_checks.page_findings(SETTINGS, ())
    assert "pip install 'rt-ner[rig]'" in line


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("127.0.0.1", "http://localhost:8765"),
        ("0.0.0.0", "http://localhost:8765"),
        ("10.0.0.7", "http://10.0.0.7:8765"),
        ("fd00::7", "http://[fd00::7]:8765"),
    ],
)
def test_the_terminal_shows_where_a_browser_finds_the_page(address: str, url: str) -> None:
    assert PageSettings(address=address).url == url


def test_when_the_rig_is_gone_nobody_may_command(monkeypatch: pytest.MonkeyPatch) -> None:
    rig: dict[str, Any] = {}

    def listen(obey: Any, on_end: Any) -> None:
        rig.update(end=on_end)
        obey({"order": "token", "token": "secret"})

    monkeypatch.setattr(module, "listen_for_orders", listen)
    access = Access(("hold",), 8765, True)
    module._take_token(access)
    assert access.token == "secret"
    rig["end"]()
    assert access.token == ""


def test_an_address_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="address"):
        RigSettings.model_validate(json.loads('{"page": {"address": "localhost:80"}}'))
