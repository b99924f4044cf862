"""Show the electrodes: their rates, those that are silent or hot, and what has changed."""

from xml.etree.ElementTree import Element

import numpy as np

from rt_ner.report.figures.arrays import rates, rates_over_time
from rt_ner.report.figures.courses import Courses
from rt_ner.report.page.pieces import figure, listed, pairs, section
from rt_ner.report.reading.electrodes import Electrodes
from rt_ner.report.reading.session import Session

_MOST_NAMED = 40


def array_section(session: Session, before: Session | None, courses: Courses) -> Element:
    """Return the section on the electrodes; ``before`` is the animal's session before this one."""
    found = session.electrodes
    if isinstance(found, str):
        return section("Electrodes", found)
    of_whom = (
        "As the decoder counted them: the bundle's channels."
        if found.is_of_decoder
        else "As the source sent them: no decoder counted them."
    )
    drawn, brightest = rates_over_time(found, courses)
    caption = f"Rates over time: dark is 0, yellow {brightest:.0f} spikes/s or more."
    firing = found.rate_hz[found.rate_hz > 0]
    rows = [
        ("all electrodes", f"{found.rate_hz.sum():,.0f} spikes/s"),
        ("median of those that fire", f"{np.median(firing) if firing.size else 0:.1f} spikes/s"),
        ("silent", listed(found.named(found.silent), _MOST_NAMED) or "none"),
        ("hot", listed(found.named(found.hot), _MOST_NAMED) or "none"),
    ]
    return section(
        "Electrodes",
        of_whom,
        figure(rates(found), "Mean rate of each electrode."),
        pairs(rows),
        figure(drawn, caption),
        figure(
            courses.drift(),
            "Drift that the running normalisation has followed: how far the electrodes' mean "
            "square root of counts has moved from its first state (root mean square over all).",
        ),
        *_changes(found, before),
    )


def _changes(found: Electrodes, before: Session | None) -> list[Element | str]:
    if before is None or isinstance(before.electrodes, str):
        return []
    changes = found.changes_since(before.electrodes)
    said = f"Since the session before ({before.title}):"
    if not changes:
        return [f"{said} no electrode fell silent, became hot or changed its rate threefold."]
    return [said, pairs((words, listed(who, _MOST_NAMED)) for words, who in changes.items())]
