"""Make the pieces that all sections consist of: tables, tiles, figures and lists."""

import math
from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element

from rt_ner.report.markup import element

_UNKNOWN = "–"


def number(value: float | None, form: str = ".2f", unit: str = "") -> str:
    """Return a number as text with its unit; a dash if it is not known."""
    if value is None or math.isnan(value):
        return _UNKNOWN
    return f"{value:{form}}{unit}".replace("-", "−")


def duration(length_s: float) -> str:
    """Return a length of time in words, such as ``1 h 02 min`` or ``40 s``."""
    if length_s < 60:
        return f"{length_s:.1f} s" if length_s < 10 else f"{length_s:.0f} s"
    minutes, seconds = divmod(round(length_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {seconds:02d} s"


def clock(at_s: float) -> str:
    """Return a time since the start, such as ``2:05`` or ``1:02:05``; negative before it."""
    minutes, seconds = divmod(int(abs(at_s)), 60)
    hours, minutes = divmod(minutes, 60)
    sign = "−" if at_s <= -1 else ""
    hour = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{sign}{hour}:{seconds:02d}"


def listed(names: Sequence[str], most: int = 12) -> str:
    """Return names with commas; of many, the first and the number of the others."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def table(heads: Sequence[str], rows: Iterable[Sequence[str | Element]], texts: int = 1) -> Element:
    """Return a table; its first ``texts`` columns, and elements, are texts, the others numbers."""
    kinds = ["text" if column < texts else "number" for column in range(len(heads))]
    head = element(
        "tr", *(element("th", name, class_=kind) for name, kind in zip(heads, kinds, strict=True))
    )
    body = [
        element(
            "tr", *(element("td", one, class_=kind) for one, kind in zip(row, kinds, strict=True))
        )
        for row in rows
    ]
    whole = element("table", element("thead", head), element("tbody", *body))
    return element("div", whole, class_="wide")


def pairs(rows: Iterable[tuple[str, str]]) -> Element:
    """Return a table of names with their values."""
    body = [
        element("tr", element("th", name), element("td", text, class_="text"))
        for name, text in rows
    ]
    return element("table", *body, class_="pairs")


def tiles(shown: Iterable[tuple[str, str]]) -> Element:
    """Return large values, each with its meaning; those that are not known are left out."""
    each = (
        element("div", element("b", value), element("span", what), class_="tile")
        for value, what in shown
        if value != _UNKNOWN
    )
    return element("div", *each, class_="tiles")


def figure(drawn: Element | None, caption: str, kind: str = "wide") -> Element | None:
    """Return a figure with its caption; None if there is nothing to draw."""
    if drawn is None:
        return None
    return element("figure", element("div", drawn, class_=kind), element("figcaption", caption))


def section(title: str, *content: Element | str | None) -> Element:
    """Return a section with its heading; texts become paragraphs."""
    made = [element("p", one) if isinstance(one, str) else one for one in content]
    return element("section", element("h3", title), *made)
