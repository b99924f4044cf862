"""Show how the loop ran: states, latency, and all that was lost or late."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

import numpy as np

from rt_ner.report.figures.courses import Courses
from rt_ner.report.figures.tails import tail
from rt_ner.report.page.pieces import clock, duration, figure, number, section, table
from rt_ner.report.page.sections.overview import LOSSES
from rt_ner.report.reading.loop.timing import Timing
from rt_ner.report.reading.session import Session

_STAGES = (
    "read and bin (arrival to bin closed)",
    "encode (to latent)",
    "read out (to velocity)",
    "send (to velocity sent)",
)
_MEANINGS = {
    "missing": "samples that never arrived",
    "late": "arrived after their bin had closed",
    "duplicate": "had arrived before",
    "invalid": "samples that can't be used",
    "skipped": "discarded unread, to catch up",
    "undecodable": "in hops that can't be decoded",
    "clock_steps": "jumps of a clock",
    "missed": "velocities more than a hop late",
    "nonfinite": "velocities set to zero",
    "passed_over": "hops not decoded, to catch up",
    "unknown": "of channels or units that the bundle does not have",
    "reordered": "out of order, but used",
    "smoothed": "with uneven time stamps, used",
    "saturated": "with too large a spike-band power, limited",
    "clamped": "velocities slowed to the speed limit",
}


def loop_sections(session: Session, courses: Courses) -> list[Element]:
    """Return the sections on states, latency and losses; none without a decoder."""
    sections = [_states(session, courses)] if session.stays else []
    if session.timing is not None:
        sections += [_latency(session.timing, courses), _losses(session, session.timing, courses)]
    return sections


def _states(session: Session, courses: Courses) -> Element:
    lengths: dict[str, list[float]] = {}
    for stay in session.stays:
        lengths.setdefault(stay.state, []).append(stay.length_s)
    rows = [
        [
            state, str(len(each)), duration(sum(each)), duration(max(each)),
            number(100 * sum(each) / max(session.length_s, 1e-9), ".1f"),
        ]
        for state, each in lengths.items()
    ]  # fmt: skip
    return section(
        "States",
        figure(courses.states(), "The decoder's states. Velocity is zero in all but RUNNING."),
        table(("state", "times", "in all", "longest", "part of the recording (%)"), rows),
    )


def _latency(timing: Timing, courses: Courses) -> Element:
    total_ms = timing.total_ms
    known = bool((np.isfinite(total_ms) & (total_ms > 0)).any())
    stages = dict(zip(_STAGES, timing.stages_ms.T, strict=True))
    stages["in all, arrival to velocity sent"] = total_ms.astype(np.float32)
    stages["age of the newest spikes when sent (end of hop to velocity sent)"] = timing.age_ms
    rows = [[name, *_quantiles(values)] for name, values in stages.items()]
    return section(
        "Latency",
        figure(courses.latency(), "From the arrival of the data to the sending of the velocity."),
        table(("stage", "median (ms)", "90 %", "99 %", "99.9 %", "slowest (ms)"), rows),
        figure(tail(total_ms), "The tail: how many velocities took longer.") if known else None,
    )


def _quantiles(values: np.ndarray) -> list[str]:
    known = values[np.isfinite(values)]
    if not known.size:
        return ["–"] * 5
    return [f"{one:.3f}" for one in np.percentile(known, [50, 90, 99, 99.9, 100]).tolist()]


def _losses(session: Session, timing: Timing, courses: Courses) -> Element:
    rows = list(_loss_rows(session, timing))
    used = f"{timing.totals.get('used', 0):,} samples or events were used."
    if not rows:
        return section("Lost or late", f"Nothing was lost or late. {used}")
    return section(
        "Lost or late",
        figure(courses.losses(LOSSES), "When it was lost or late."),
        table(("count", "meaning", "number", "first at", "last at"), rows, 2),
        f"{used} Counts begin with the recording.",
    )


def _loss_rows(session: Session, timing: Timing) -> Iterator[list[str]]:
    for name, meaning in _MEANINGS.items():
        if n := timing.totals.get(name, 0):
            times_ns, _ = timing.lost[name]
            ends = [clock((int(ns) - session.begin_ns) / 1e9) for ns in times_ns[[0, -1]]]
            yield [name.replace("_", " "), meaning, f"{n:,}", *ends]
