"""The page answers those who may ask, obeys those who may command, and refuses all others."""

import asyncio
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("starlette")

from rt_ner.rig.page.web.access import Access
from rt_ner.rig.page.web.app import MOST_STREAMS, Links, page_app
from rt_ner.rig.page.web.newest import Newest

TOKEN = "k7fm-2qxa-r5te-w9hc"
HOST = "localhost:8765"
GOOD = {
    "host": HOST,
    "origin": f"http://{HOST}",
    "x-rig-token": TOKEN,
    "content-type": "application/json",
}


@dataclass
class Answer:
    status: int = 0
    headers: Mapping[str, str] | None = None
    body: bytes = b""


class Page:
    """The page without a network; `obeyed` is what the rig was told."""

    def __init__(self, is_local: bool = True) -> None:
        self.obeyed: list[str] = []
        self.problem = ""
        self.stayed: list[Any] = []
        self.newest = Newest()
        self.access = Access(("hold", "resume", "train"), 8765, is_local)
        self.access.token = TOKEN
        self.app = page_app(self.newest, self.access, Links(self._obey, self._log, self._stay))

    def _obey(self, order: str) -> str:
        self.obeyed.append(order)
        return self.problem

    def _stay(self, peer: object) -> None:
        self.stayed.append(peer)

    def _log(self, name: str) -> str | None:
        return "<b>said</b>" if name == "decoder" else None

    def scope(self, method: str, path: str, headers: Any) -> dict[str, Any]:
        pairs = headers.items() if isinstance(headers, dict) else headers
        path, _, query = path.partition("?")
        return {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in pairs],
            "client": ("127.0.0.1", 5),
        }

    async def asked(self, method: str, path: str, headers: Any = None, body: bytes = b"") -> Answer:
        answer = Answer()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            answer.body += message.get("body", b"")

        headers = {"host": HOST} if headers is None else headers
        await self.app(self.scope(method, path, headers), receive, send)
        return answer

    def ask(self, method: str, path: str, headers: Any = None, body: bytes = b"") -> Answer:
        return asyncio.run(self.asked(method, path, headers, body))

    def order(self, order: str, number: object, **headers: str) -> Answer:
        body = json.dumps({"order": order, "number": number}).encode()
        changed = GOOD | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", "/order", changed, body)


@pytest.fixture
def page() -> Page:
    return Page()


def test_an_order_with_the_token_is_obeyed_once(page: Page) -> None:
    assert page.order("hold", 1).status == 200
    replayed = page.order("hold", 1)
    assert replayed.status == 409
    assert page.order("resume", json.loads(replayed.body)["number"]).status == 200
    assert page.obeyed == ["hold", "resume"]


BODY = b'{"order": "hold", "number": 1}'
TOKENS = (
    "", " ", TOKEN[:-1], TOKEN + "a", TOKEN.upper(), "*", "null", "Bearer " + TOKEN,
    TOKEN.replace("-", ""), "k" * 10_000, "ä", "'; --",
)  # fmt: skip
ORIGINS = (
    "null", "", "http://evil.example", "https://localhost:8765", "http://localhost",
    "http://localhost:8766", "http://localhost:8765.evil.example", "http://127.0.0.1:8765",
    "http://localhost:8765/", "file://", "http://LOCALHOST.evil:8765", "http://[::1]:8765",
)  # fmt: skip
HOSTS = (
    "evil.example", "evil.example:8765", "localhost", "localhost:80", "localhost:8765@evil",
    "evil@localhost:8765", "localhost:8765/x", "127.0.0.1.evil.example:8765", "", ":8765",
    "10.0.0.7:8765", "localhost.:8765", "[::1", "localhost:port", "localhost:99999",
    "127.1:8765", "2130706433:8765", "0.0.0.0:8765",
)  # fmt: skip
KINDS = ("text/plain", "application/x-www-form-urlencoded", "", "application/json; a=b")
BODIES = (
    b"", b"hold", b"[]", b"{}", b"null", b'{"order": "hold"}', b'{"number": 1}', b"\xff\xfe",
    b'{"order": ["hold"], "number": 1}', b'{"order": "hold", "number": 1, "more": 1}',
    b"[" * 150, BODY + b" " * 300, b"9" * 100_000,
)  # fmt: skip
METHODS = ("GET", "PUT", "DELETE", "OPTIONS", "HEAD", "TRACE", "PATCH", "CONNECT", "post")
PATHS = ("/", "/state", "/log/decoder", "/order/", "//order", "/Order", f"/order?token={TOKEN}")


def bad_requests() -> Iterator[tuple[str, str, Any, bytes]]:
    """A hundred and more requests to command that must not be obeyed."""
    headers: list[Any] = [
        *(GOOD | {"x-rig-token": token} for token in TOKENS),
        *(GOOD | {"origin": origin} for origin in ORIGINS),
        *(GOOD | {"host": host, "origin": f"http://{host}"} for host in HOSTS),
        *(GOOD | {"sec-fetch-site": site} for site in ("cross-site", "same-site", "else")),
        *(GOOD | {"content-type": kind} for kind in KINDS),
        *({k: v for k, v in GOOD.items() if k != left_out} for left_out in GOOD),
        *([*GOOD.items(), (twice, "else")] for twice in GOOD),
    ]
    yield from (("POST", "/order", changed, BODY) for changed in headers)
    orders = itertools.product(
        ("hold", "quit", "../hold", "HOLD", ""), (0, -1, 2, 1.5, "1", None, True, 10**30)
    )
    bodies = [json.dumps({"order": order, "number": number}).encode() for order, number in orders]
    yield from (("POST", "/order", GOOD, body) for body in (*bodies, *BODIES))
    yield from ((method, "/order", GOOD, BODY) for method in METHODS)
    yield from (("POST", path, GOOD, BODY) for path in PATHS)


def test_more_than_a_hundred_bad_missing_replayed_and_foreign_requests_are_refused(
    page: Page,
) -> None:
    async def ask_all() -> list[tuple[Any, int]]:
        return [(request, (await page.asked(*request)).status) for request in bad_requests()]

    answers = asyncio.run(ask_all())
    assert len(answers) > 100
    assert [request for request, status in answers if not 400 <= status < 500] == []
    assert page.obeyed == []
    assert page.access.n_refused == len(answers)
    assert page.order("hold", 1).status == 200


def test_without_a_token_of_its_own_nobody_may_command(page: Page) -> None:
    page.access.token = ""
    assert page.order("hold", 1, x_rig_token="").status == 403
    assert page.obeyed == []


@pytest.mark.parametrize("host", ["evil.example:8765", "localhost:80", ""])
@pytest.mark.parametrize("path", ["/", "/page.js", "/log/decoder", "/state"])
def test_under_another_name_not_even_the_page_is_read(page: Page, host: str, path: str) -> None:
    assert page.ask("GET", path, {"host": host}).status == 421


def test_the_port_answers_nothing_else(page: Page) -> None:
    for path in (
        "/favicon.ico", "/static/page.js", "/../pyproject.toml", "/page.py", "/log/", "/log/page",
        "/log/..%2frig", "/log/../rig-state.json", "/docs", "/openapi.json", "/state/1",
    ):  # fmt: skip
        assert page.ask("GET", path).status in (404, 405), path
    assert page.ask("GET", "/?a=1").status == 405


def test_other_computers_may_ask_by_address_or_by_this_ones_name_only_if_it_listens_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "Rig")
    page, local = Page(is_local=False), Page()
    for host in ("10.0.0.7:8765", "rig:8765", "[fe80::1]:8765", "localhost:8765"):
        assert page.ask("GET", "/", {"host": host}).status == 200, host
    assert page.ask("GET", "/", {"host": "evil.example:8765"}).status == 421
    assert local.ask("GET", "/", {"host": "10.0.0.7:8765"}).status == 421


def test_nothing_is_fetched_from_elsewhere_and_nothing_is_inline(page: Page) -> None:
    for path, kind in (("/", "html"), ("/page.js", "javascript"), ("/page.css", "css")):
        answer = page.ask("GET", path)
        assert answer.status == 200
        assert answer.headers
        assert kind in answer.headers["content-type"]
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        text = answer.body.decode()
        assert "://" not in text
        for forbidden in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval("):
            assert forbidden not in text
        assert " on" + "click=" not in text
        assert "style=" not in text
    assert page.ask("GET", "/log/decoder").headers["content-type"].startswith("text/plain")  # type: ignore[index]


def test_what_the_rig_could_not_do_is_said(page: Page) -> None:
    page.problem = "no decoder runs"
    answer = page.order("hold", 1)
    assert answer.status == 503
    assert json.loads(answer.body) == {"problem": "no decoder runs", "number": 2}


class Browser:
    """A browser that reads the stream of snapshots only when it is let."""

    def __init__(self, page: Page) -> None:
        self.read: list[str] = []
        self.may_read = asyncio.Event()
        self._gone = asyncio.Event()
        self._task = asyncio.create_task(page.app(page.scope("GET", "/state", {"host": HOST}),
                                                  self._receive, self._send))  # fmt: skip

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        await self.may_read.wait()
        text = message.get("body", b"").decode()
        if text.startswith("data:"):
            self.read.append(text.removeprefix("data: ").strip())

    async def leave(self) -> None:
        self._gone.set()
        await self._task


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_slow_browser_loses_the_old_snapshots_and_holds_up_no_other(page: Page) -> None:
    async def scenario() -> None:
        slow, quick = Browser(page), Browser(page)
        quick.may_read.set()
        await settle()
        for number in range(50):
            page.newest.put(str(number))
            await settle()
        assert quick.read == [str(number) for number in range(50)]
        assert slow.read == []
        slow.may_read.set()
        await settle()
        assert slow.read == ["49"]
        page.newest.put("50")
        await settle()
        assert slow.read == ["49", "50"]
        await slow.leave()
        await quick.leave()

    asyncio.run(scenario())
    assert page.stayed == [("127.0.0.1", 5)] * 2


def test_the_number_of_browsers_is_bounded_and_a_place_is_free_again(page: Page) -> None:
    async def scenario() -> None:
        browsers = [Browser(page) for _ in range(MOST_STREAMS)]
        for browser in browsers:
            browser.may_read.set()
        await settle()
        assert (await page.asked("GET", "/state")).status == 503
        for browser in browsers:
            await browser.leave()
        last = Browser(page)
        last.may_read.set()
        page.newest.put("seen")
        await settle()
        assert last.read == ["seen"]
        await last.leave()

    asyncio.run(scenario())
