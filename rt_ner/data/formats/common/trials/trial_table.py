"""Bring the rows of a trials table into recorded order, so that none overlaps the next."""

from typing import NamedTuple

import numpy as np

from rt_ner.core.arrays import BoolArray, FloatArray, Int64Array
from rt_ner.core.clock import ns_array_from_s

# An overlap by less, in ns, is the rounding of float seconds.
_ROUNDING_NS = 1000
# So many go cues, of all, are enough to see that they count from the start of their trial.
_MOST = 0.9


class TrialTimes(NamedTuple):
    """Times of the trials that can be used, in ns; their rows in the table; notes."""

    start_ns: Int64Array
    go_ns: Int64Array
    end_ns: Int64Array
    rows: Int64Array
    notes: tuple[str, ...]


def trial_times(
    start_s: FloatArray, go_s: FloatArray, stop_s: FloatArray, succeeded: BoolArray
) -> TrialTimes:
    """Return the times ``(trial,)`` of successful, complete trials.

    Rows may stand in any order. A trial that runs into the next one is cut at its start. Go cues
    that count from their trial's start are moved there.
    """
    notes: list[str] = []
    is_known = np.isfinite(start_s) & np.isfinite(stop_s) & np.isfinite(go_s) & (stop_s > start_s)
    _note(notes, "trials that failed, left out", ~succeeded)
    _note(notes, "trials without a start, an end or a go cue, left out", succeeded & ~is_known)
    rows = np.flatnonzero(succeeded & is_known)
    rows = rows[np.argsort(start_s[rows], kind="stable")]
    if (np.diff(rows) < 0).any():
        notes.append("trials stood in another order than that of their times: sorted")
    start_ns, go_ns, end_ns = (ns_array_from_s(each[rows]) for each in (start_s, go_s, stop_s))
    go_ns = _on_the_clock(start_ns, go_ns, end_ns, notes)
    end_ns = cut_ends(start_ns, end_ns, notes)
    kept = (start_ns <= go_ns) & (go_ns < end_ns)
    _note(notes, "trials whose go cue does not lie within them, left out", ~kept)
    return TrialTimes(start_ns[kept], go_ns[kept], end_ns[kept], rows[kept], tuple(notes))


def _on_the_clock(
    start_ns: Int64Array, go_ns: Int64Array, end_ns: Int64Array, notes: list[str]
) -> Int64Array:
    """Return the go cues on the session's clock, if they count from their trials' starts."""
    if not go_ns.size:
        return go_ns
    is_inside = (start_ns <= go_ns) & (go_ns < end_ns)
    moved_ns = start_ns + go_ns
    is_relative = (start_ns <= moved_ns) & (moved_ns < end_ns)
    if is_relative.mean() < _MOST or is_inside.mean() >= _MOST:
        return go_ns
    notes.append("go cues count from the start of their trial: moved to the session's clock")
    return moved_ns


def cut_ends(start_ns: Int64Array, end_ns: Int64Array, notes: list[str]) -> Int64Array:
    """Return the ends, none of them after the next trial's start."""
    next_ns = np.append(start_ns[1:], np.iinfo(np.int64).max)
    _note(notes, "trials that run into the next, cut at its start", end_ns - next_ns > _ROUNDING_NS)
    cut: Int64Array = np.minimum(end_ns, next_ns)
    return cut


def _note(notes: list[str], finding: str, found: BoolArray) -> None:
    """Add a note with the number of trials for which something was found, if any."""
    if n := int(found.sum()):
        notes.append(f"{finding}: {n}")
