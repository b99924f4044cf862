"""Show what happened to the parts of the rig."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from rt_ner.record.rig_events import RigEvent
from rt_ner.report.page.pieces import clock, listed, section, table
from rt_ner.report.reading.session import Session

_HEADS = ("part", "event", "in words")


def rig_section(session: Session) -> Element | None:
    """Return the section on the rig during a recording; None if no rig recorded."""
    if not session.rig.events:
        return None
    rows = [
        [_at(session, time_ns), f"{event.at:%H:%M:%S}", *_words(event)]
        for time_ns, event in session.rig.events
    ]
    return section(
        "The rig",
        "All that happened to the rig's parts, its network, its disk and the computer's clock, "
        "from the recording's begin until the next one began. The clock time is what the "
        "computer's clock showed.",
        table(("at", "clock time", *_HEADS), rows, 5),
    )


def outside_section(events: Sequence[RigEvent]) -> Element:
    """Return the section on what happened to the rig while nothing was recorded."""
    rows = [[event.at.isoformat(" ", "seconds"), *_words(event)] for event in events]
    return section("The rig while nothing was recorded", table(("clock time", *_HEADS), rows, 4))


def rig_lines(session: Session) -> list[str]:
    """Return one sentence for each kind of trouble that the rig had."""
    found: dict[tuple[str, str], list[str]] = {}
    for time_ns, event in session.rig.troubles:
        found.setdefault((event.of, event.kind), []).append(_at(session, time_ns))
    return [
        f"The rig, {of}: {kind} {_times(len(at))}, at {listed(at, 6)}."
        for (of, kind), at in found.items()
    ]


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"


def _at(session: Session, time_ns: int | None) -> str:
    return "–" if time_ns is None else clock((time_ns - session.begin_ns) / 1e9)


def _words(event: RigEvent) -> tuple[str, str, str]:
    return event.of, event.kind, event.text
