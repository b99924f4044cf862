"""Put the animal's history together: one table and one picture over its sessions."""

from collections.abc import Sequence
from dataclasses import asdict
from xml.etree.ElementTree import Element

from rt_ner.report.figures.histories import COLOURS, history
from rt_ner.report.markup import element
from rt_ner.report.page.pieces import duration, figure, number, table
from rt_ner.report.page.sections.overview import losses_in_words, overview_of
from rt_ner.report.page.session_page import when
from rt_ner.report.reading.session import Session

_HEADS = (
    "session", "bundle", "lost or late", "begin", "length", "trials", "success (%)",
    "acquisition (s)", "throughput (bits/s)", "net bit rate (bits/s)",
    "latency, median / 99 % (ms)", "silent / hot",
)  # fmt: skip
_SHOWN = (
    ("success", "success (%)", 100.0),
    ("throughput_bps", "throughput (bits/s)", None),
    ("acquire_s", "acquisition time (s)", None),
    ("p99_ms", "latency, 99 % (ms)", None),
)


def history_part(sessions: Sequence[Session], anchors: Sequence[str]) -> Element:
    """Return the animal's history; ``anchors`` name the parts of the sessions."""
    first, last = sessions[0], sessions[-1]
    animal = first.name.subject if first.name else "Sessions"
    changed = _changes([session.about.get("bundle_sha256", "") for session in sessions])
    rows = [
        _row(session, element("a", f"{row + 1}: {session.title}", href=f"#{anchors[row]}"))
        for row, session in enumerate(sessions)
    ]
    return element(
        "article",
        element("h1", f"{animal}: {len(sessions)} sessions"),
        element("p", f"{when(first)} to {when(last)}", class_="about"),
        table(_HEADS, rows, 3),
        *_figures(sessions, changed),
        element("p", "Dashed lines: another bundle than in the session before.", class_="note"),
        class_="first",
    )


def _row(session: Session, name: Element) -> list[str | Element]:
    found = overview_of(session)
    lost = losses_in_words(session) or ("nothing" if session.timing else "–")
    return [
        name,
        session.about.get("bundle", "–"),
        lost,
        when(session),
        duration(session.length_s),
        str(found.n_trials),
        number(100 * found.success, ".0f"),
        number(found.acquire_s),
        number(found.throughput_bps),
        number(found.bit_rate_bps),
        f"{number(found.median_ms)} / {number(found.p99_ms)}",
        f"{found.n_silent} / {found.n_hot}" if found.n_electrodes else "–",
    ]


def _figures(sessions: Sequence[Session], changed: Sequence[int]) -> list[Element | None]:
    found = [asdict(overview_of(session)) for session in sessions]
    figures: list[Element | None] = []
    for (name, label, most), colour in zip(_SHOWN, COLOURS, strict=True):
        factor = 100.0 if name == "success" else 1.0
        values = [factor * one[name] for one in found]
        drawn = history(values, label, colour, changed, most and 105.0)
        figures.append(figure(drawn, f"{label[0].upper()}{label[1:]} of each session."))
    return figures


def _changes(bundles: Sequence[str]) -> list[int]:
    """Return the sessions, from 0, with another bundle than the last one before that had any."""
    changed, before = [], ""
    for row, bundle in enumerate(bundles):
        if bundle and before and bundle != before:
            changed.append(row)
        before = bundle or before
    return changed
