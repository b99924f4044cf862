"""Answer the browsers: the page, its stream of snapshots, the logs, and orders."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from importlib.resources import files

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rt_ner.rig.page.web.access import LONGEST_ORDER, Access, RefusedError
from rt_ner.rig.page.web.newest import Newest

MOST_STREAMS = 16
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    # One request each, so that a connection can't be kept.
    "Connection": "close",
}
_STATIC = {
    "/": ("index.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
}


@dataclass(frozen=True)
class Links:
    """The page's links to the rig.

    Attributes
    ----------
    obey
        Carries out an order; returns why it could not, or nothing.
    log
        Returns the end of a log by name; None if there is none.
    let_stay
        Called with the peer whose connection has become a stream.

    """

    obey: Callable[[str], str]
    log: Callable[[str], str | None]
    let_stay: Callable[[tuple[str, int] | None], None]


def page_app(newest: Newest, access: Access, links: Links) -> ASGIApp:
    """Return the application that answers the browsers."""
    server = _Server(newest, access, links)
    routes = [Route(path, _static(*of_file), methods=["GET"]) for path, of_file in _STATIC.items()]
    routes += [
        Route("/state", server.state, methods=["GET"]),
        Route("/log/{name}", server.log, methods=["GET"]),
        Route("/order", server.order, methods=["POST"]),
    ]
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False
    return _Gate(app, access)


class _Gate:
    """Stands before all answers: refuses what is not meant for the page, and adds the headers."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(k.lower().encode(), v.encode()) for k, v in _HEADERS.items()]
                message["headers"] = [*message["headers"], *added]
                self._access.n_refused += message["status"] >= 400
            await send(message)

        try:
            if scope["method"] not in ("GET", "POST") or scope["query_string"]:
                raise RefusedError(405, "no such request")
            self._access.check_reader(Headers(scope=scope))
        except RefusedError as error:
            await _refusal(error)(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)


class _Server:
    """The answers that change."""

    def __init__(self, newest: Newest, access: Access, links: Links) -> None:
        self._newest = newest
        self._access = access
        self._links = links
        self._n_streams = 0

    async def state(self, request: Request) -> Response:
        """Send snapshots, as server-sent events, until the browser goes."""
        if self._n_streams >= MOST_STREAMS:
            return PlainTextResponse("too many browsers look at this page", 503)
        self._links.let_stay(request.scope.get("client"))
        return StreamingResponse(self._snapshots(), media_type="text/event-stream")

    async def _snapshots(self) -> AsyncIterator[str]:
        self._n_streams += 1
        number = 0
        try:
            yield "retry: 500\n\n"
            while True:
                number, text = await self._newest.after(number)
                yield f"data: {text}\n\n"
        finally:
            self._n_streams -= 1

    async def log(self, request: Request) -> Response:
        """Send the end of a log."""
        text = self._links.log(request.path_params["name"])
        return PlainTextResponse("no such log", 404) if text is None else PlainTextResponse(text)

    async def order(self, request: Request) -> Response:
        """Obey an order, and say why if it can't be."""
        try:
            order = self._access.check_order(request.headers, await _body(request))
        except RefusedError as error:
            return _refusal(error, self._access.number)
        if problem := self._links.obey(order):
            return JSONResponse({"problem": problem, "number": self._access.number}, 503)
        return JSONResponse({"number": self._access.number})


async def _body(request: Request) -> bytes:
    """Return the body, of which too much is not read."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_ORDER:
            break
    return body


def _refusal(error: RefusedError, number: int | None = None) -> Response:
    """Return the answer to a request that is refused; only a known client is told the number."""
    content: dict[str, object] = {"problem": str(error)}
    if error.status == 409:
        content["number"] = number
    return JSONResponse(content, error.status)


def _static(name: str, media_type: str) -> Callable[[Request], Response]:
    """Return the answer with a file of the page; it is read once, when the page begins."""
    content = (files("rt_ner.rig.page") / "static" / name).read_bytes()
    return lambda _: Response(content, media_type=media_type)
