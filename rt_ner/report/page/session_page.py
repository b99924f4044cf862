"""Put a session's part of the page together."""

from xml.etree.ElementTree import Element

from rt_ner.report.figures.courses import Courses
from rt_ner.report.markup import element
from rt_ner.report.page.pieces import duration
from rt_ner.report.page.sections.array import array_section
from rt_ner.report.page.sections.events.messages import messages_section, settings_section
from rt_ner.report.page.sections.events.rig import rig_section
from rt_ner.report.page.sections.loop import loop_sections
from rt_ner.report.page.sections.overview import overview
from rt_ner.report.page.sections.task import task_section
from rt_ner.report.reading.session import Session


def session_part(session: Session, before: Session | None, anchor: str) -> Element:
    """Return a session's part of the page.

    Parameters
    ----------
    session
        The session.
    before
        The animal's session before this one; None: not known.
    anchor
        Name by which the history refers to this part; empty if it stands alone.

    Returns
    -------
    Element
        The part.

    """
    courses = Courses(session)
    heading = element("h2" if anchor else "h1", session.title)
    part = element(
        "article",
        heading,
        element("p", _about(session), class_="about"),
        *overview(session),
        *loop_sections(session, courses)[:1],
        task_section(session, courses),
        *loop_sections(session, courses)[1:],
        array_section(session, before, courses),
        rig_section(session),
        messages_section(session),
        settings_section(session),
    )
    if anchor:
        part.set("id", anchor)
    else:
        part.set("class", "first")
    return part


def when(session: Session) -> str:
    """Return the session's start; a dash if it is not known."""
    return f"{session.started_at:%Y-%m-%d %H:%M}" if session.started_at else "–"


def _about(session: Session) -> str:
    bundle = "bundle not known" if session.stays else "no decoder"
    if "bundle" in session.about:
        bundle = f"bundle {session.about['bundle']}"
    began = (
        f"began {session.started_at:%Y-%m-%d %H:%M:%S %Z}"
        if session.started_at
        else "start unknown"
    )
    return f"{began.strip()} · {duration(session.length_s)} · {bundle} · {session.path.name}"
