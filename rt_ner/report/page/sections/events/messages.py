"""Show what was said during a session, and under which settings it ran."""

from datetime import timedelta
from xml.etree.ElementTree import Element

from rt_ner.report.page.pieces import clock, pairs, section, table
from rt_ner.report.reading.session import Message, Session

_MOST = 1000
_NAMES = {
    "bundle": "bundle",
    "bundle_sha256": "its hash (SHA-256)",
    "session": "trained on",
    "area": "area",
    "decodes": "decodes",
    "r2": "held-out R²",
    "shuffled_r2": "R² of the shuffled control",
}


def messages_section(session: Session) -> Element:
    """Return the section on notices and commands."""
    if not session.messages:
        return section("Notices and commands", "None was recorded.")
    rows = [[*_times(session, one), one.by, one.text] for one in session.messages[:_MOST]]
    left_out = len(session.messages) - len(rows)
    return section(
        "Notices and commands",
        "All that the decoder told the operator, its watch over the electrodes included, and all "
        "that the operator commanded over LSL.",
        table(("at", "clock time", "by", "text"), rows, 4),
        f"{left_out:,} later ones are left out." if left_out else None,
    )


def settings_section(session: Session) -> Element:
    """Return the section on bundle, settings and streams."""
    about = [
        (words, session.about[name]) for name, words in _NAMES.items() if name in session.about
    ]
    settings = list(session.settings.items())
    if session.about and not settings:
        settings = [("settings", "all as by default")]
    return section(
        "Bundle, settings and streams",
        pairs([*about, *settings]) if about else "No decoder was recorded.",
        "Settings that are not listed had their default." if len(settings) > 1 else None,
        table(("stream",), ([one] for one in session.streams)),
    )


def _times(session: Session, message: Message) -> tuple[str, str]:
    if message.time_ns is None:
        return "–", "other clock"
    at_s = (message.time_ns - session.begin_ns) / 1e9
    began = session.started_at
    return clock(at_s), f"{began + timedelta(seconds=at_s):%H:%M:%S}" if began else "–"
