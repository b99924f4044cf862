"""Write the whole page, which needs nothing but itself."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from heapq import merge
from importlib.metadata import version
from itertools import groupby
from xml.etree.ElementTree import Element

from rt_ner.core.errors import SessionError
from rt_ner.report.markup import element, written
from rt_ner.report.page.history_page import history_part
from rt_ner.report.page.sections.events.rig import outside_section
from rt_ner.report.page.session_page import session_part
from rt_ner.report.page.style import STYLE
from rt_ner.report.reading.rig import events_outside
from rt_ner.report.reading.session import Session


def page_of(sessions: Sequence[Session], left_out: Sequence[str] = ()) -> bytes:
    """Return the page on one session, or on an animal's sessions in order of their start.

    ``left_out`` has a line for each recording that could not be read.

    Raises
    ------
    SessionError
        If the sessions are of several animals.

    """
    check_animal(sessions)
    ordered = in_order(sessions)
    if len(ordered) == 1:
        parts = [session_part(ordered[0], None, "")]
    else:
        anchors = [f"session-{number}" for number in range(1, len(ordered) + 1)]
        befores = [None, *ordered[:-1]]
        parts = [history_part(ordered, anchors)]
        parts += [session_part(*each) for each in zip(ordered, befores, anchors, strict=True)]
    if outside := events_outside([session.path for session in ordered]):
        parts.append(element("article", outside_section(outside)))
    lines = [element("p", f"Left out: {line}", class_="odd") for line in left_out]
    body = element("body", *lines, *parts, _foot())
    whole = element("html", _head(ordered), body, lang="en")
    return f"<!DOCTYPE html>\n{written(whole)}\n".encode()


def check_animal(sessions: Sequence[Session]) -> None:
    """Raise SessionError if sessions are of several animals, by the names of their files."""
    animals = sorted({one.name.subject for one in sessions if one.name})
    if len(animals) > 1:
        raise SessionError(
            f"recordings of {', '.join(animals)}: expected those of one animal; write a report of "
            "each"
        )


def in_order(sessions: Sequence[Session]) -> list[Session]:
    """Return sessions in order of their start, and of their names where that is not known.

    Runs of one task of one day keep the order of their numbers, even if the clock was set back
    between them.
    """
    by_name = sorted(sessions, key=lambda one: one.path.name)
    runs = [list(each) for _, each in groupby(by_name, key=_series)]
    return list(merge(*runs, key=_begin))


def _series(session: Session) -> str:
    return session.path.name.partition("_run-")[0]


def _begin(session: Session) -> tuple[float, str]:
    began_s = session.started_at.timestamp() if session.started_at else 0.0
    return began_s, session.path.name


def _head(sessions: Sequence[Session]) -> Element:
    """Return the head; browsers load nothing, and run nothing, that the page does not hold."""
    digest = base64.b64encode(sha256(STYLE.encode()).digest()).decode("ascii")
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    title = sessions[0].title if len(sessions) == 1 else f"{len(sessions)} sessions"
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{title} · rt-ner report"),
        element("style", STYLE),
    )


def _foot() -> Element:
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return element("footer", f"Written by rt-ner {version('rt-ner')} report on {now}.")
