"""Say how a session went, in a few numbers and sentences."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

import numpy as np

from rt_ner.live.states import State
from rt_ner.report.markup import element
from rt_ner.report.page.pieces import clock, duration, listed, number, tiles
from rt_ner.report.page.sections.events.rig import rig_lines
from rt_ner.report.reading.electrodes import Electrodes
from rt_ner.report.reading.loop.stays import Stay
from rt_ner.report.reading.session import Session

# Input that did not become part of a decoded hop, and hops that were late or not decoded.
LOSSES = (
    "missing", "late", "duplicate", "invalid", "skipped", "undecodable", "clock_steps",
    "missed", "nonfinite", "passed_over",
)  # fmt: skip
_MOST_DAMAGE = 5
# Spikes that are older when their velocity leaves make the cursor lag visibly.
_OLD_MS = 200.0
# Sources begin and end with a session, but not quite.
_MOST_RECORDED = 0.9
_ODD_STATES = (State.STALE, State.FAULT, State.HOLD)


@dataclass(frozen=True)
class Overview:
    """The numbers by which sessions are compared; NaN where they are not known."""

    n_trials: int
    success: float
    acquire_s: float
    throughput_bps: float
    bit_rate_bps: float
    false_clicks_per_min: float
    running: float
    median_ms: float
    p99_ms: float
    largest_ms: float
    n_electrodes: int
    n_silent: int
    n_hot: int


def overview_of(session: Session) -> Overview:
    """Return the numbers of a session."""
    nan = float("nan")
    whole = session.task.whole if session.task else None
    total_ms = session.timing.total_ms if session.timing else np.zeros(0)
    known = total_ms[np.isfinite(total_ms)]
    tail = np.percentile(known, [50, 99, 100]).tolist() if known.size else (nan, nan, nan)
    running_s = sum(stay.length_s for stay in session.stays if stay.state == State.RUNNING)
    array = session.electrodes if isinstance(session.electrodes, Electrodes) else None
    return Overview(
        n_trials=whole.score.trials if whole else 0,
        success=whole.score.success_rate if whole else nan,
        acquire_s=whole.score.acquire_s_median if whole else nan,
        throughput_bps=whole.score.throughput_bps if whole else nan,
        bit_rate_bps=whole.bit_rate_bps if whole else nan,
        false_clicks_per_min=whole.false_clicks_per_min if whole else nan,
        running=running_s / session.length_s if session.stays and session.length_s else nan,
        median_ms=tail[0],
        p99_ms=tail[1],
        largest_ms=tail[2],
        n_electrodes=len(array.names) if array else 0,
        n_silent=int(array.silent.sum()) if array else 0,
        n_hot=int(array.hot.sum()) if array else 0,
    )


def losses_in_words(session: Session) -> str:
    """Return what was lost or late in a session; empty if nothing was, or if it is not known."""
    totals = session.timing.totals if session.timing else {}
    return ", ".join(
        f"{totals[one]:,} {one.replace('_', ' ')}" for one in LOSSES if totals.get(one)
    )


def overview(session: Session) -> list[Element]:
    """Return the session's first lines: numbers, and what is worth knowing."""
    found = overview_of(session)
    shown = [
        (number(100 * found.success, ".0f", " %"), f"of {found.n_trials} trials succeeded"),
        (number(found.acquire_s, ".2f", " s"), "to acquire a target (median)"),
        (number(found.throughput_bps), "bits/s throughput (Fitts, mean)"),
        (number(found.bit_rate_bps), "bits/s net bit rate"),
        (number(100 * found.running, ".0f", " %"), "of the time in RUNNING"),
        (
            number(found.median_ms, ".2f", " ms"),
            f"latency (median; 99 %: {number(found.p99_ms)} ms)",
        ),
        (f"{found.n_silent} / {found.n_hot}", f"silent / hot of {found.n_electrodes} electrodes"),
    ]
    if not math.isnan(found.false_clicks_per_min):
        shown.insert(4, (number(found.false_clicks_per_min), "false clicks per minute"))
    lines = [
        element("li", text, **({"class_": "odd"} if is_odd else {}))
        for text, is_odd in _lines(session, found)
    ]
    return [tiles(shown), element("ul", *lines, class_="told")]


def _lines(session: Session, found: Overview) -> Iterator[tuple[str, bool]]:
    """Yield sentences on the session, each with True if it needs attention."""
    for line in session.missing:
        yield line, True
    if session.damage:
        yield f"Damaged: {'; '.join(session.damage[:_MOST_DAMAGE])}.", True
        if (more := len(session.damage) - _MOST_DAMAGE) > 0:
            yield f"{more} more places are damaged.", True
    for line in rig_lines(session):
        yield line, True
    if session.stays:
        yield from _state_lines(session)
    if session.timing:
        yield from _loop_lines(session)
    if session.swaps_ns:
        at = listed([clock((ns - session.begin_ns) / 1e9) for ns in session.swaps_ns], 6)
        yield f"Another bundle began to decode at {at}.", False
    if isinstance(session.electrodes, Electrodes):
        yield from _electrode_lines(session.electrodes, session.length_s)
    if session.task and not math.isfinite(found.success) and not session.task.n_marked:
        yield "No trial was both begun and ended during the recording.", True


def _state_lines(session: Session) -> Iterator[tuple[str, bool]]:
    for state in _ODD_STATES:
        stays = [stay for stay in session.stays if stay.state == state]
        if stays:
            yield _visits(state, stays, session.begin_ns), state is not State.HOLD
    if not any(stay.state == State.RUNNING for stay in session.stays):
        yield "The decoder was never RUNNING: the cursor did not move.", True


def _visits(state: State, stays: list[Stay], begin_ns: int) -> str:
    times = "once" if len(stays) == 1 else f"{len(stays)} times"
    total = duration(sum(stay.length_s for stay in stays))
    at = listed([clock((stay.begin_ns - begin_ns) / 1e9) for stay in stays], 6)
    return f"{state} {times}, {total} in all, at {at}."


def _loop_lines(session: Session) -> Iterator[tuple[str, bool]]:
    assert session.timing
    lost = losses_in_words(session)
    yield (f"Lost or late: {lost}.", True) if lost else ("Nothing was lost or late.", False)
    age_ms = session.timing.age_ms[np.isfinite(session.timing.age_ms)]
    if age_ms.size and (oldest_ms := float(np.percentile(age_ms, 99))) > _OLD_MS:
        yield (
            f"One velocity in 100 was of spikes {oldest_ms:,.0f} ms old or older: the source or "
            "the network lagged.",
            True,
        )
    if gaps := session.timing.n_gaps:
        times = "once" if gaps == 1 else f"{gaps} times"
        yield f"No hops for a while, {times}: none decoded, or not recorded.", False


def _electrode_lines(array: Electrodes, length_s: float) -> Iterator[tuple[str, bool]]:
    if not array.is_of_decoder and array.recorded < _MOST_RECORDED:
        yield (
            f"Spikes were recorded for {duration(array.recorded * length_s)} of "
            f"{duration(length_s)}: the source stopped, or its stamps lag behind the other "
            "streams'. Find out before you train on this.",
            True,
        )
    for what, which in (("Silent", array.silent), ("Hot", array.hot)):
        if which.any():
            yield f"{what}: {listed(array.named(which))}.", True
