"""Trials in the markers of a replay or a task."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from rt_ner.core.contract.markers import TrialEvent, parse_trial_marker
from rt_ner.data.formats.common.trials.directions import angles_deg, displacements_cm
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.trials import Trials

_START, _GO, _END = TrialEvent


class _Reach(NamedTuple):
    """Times and direction of a trial with all three markers."""

    start_ns: int
    go_ns: int
    end_ns: int
    direction_deg: float


def trials_from_markers(
    markers: Sequence[tuple[int, str]], kinematics: Behaviour | None
) -> tuple[Trials | None, int]:
    """Return the complete trials in a replay's or task's markers, and the number of others.

    ``markers`` are times in ns and texts. The end point of each reach stands for its target.
    """
    reaches, n_marked = _complete_reaches(markers)
    kept = [
        reach
        for reach, following in zip_longest(reaches, reaches[1:])
        if following is None or following.start_ns >= reach.end_ns
    ]
    if not kept:
        return None, n_marked
    start, go, end = (
        np.array(times, dtype=np.int64) for times in list(zip(*kept, strict=True))[:3]
    )
    moved_cm = displacements_cm(go, end, kinematics)
    direction = np.array([reach.direction_deg for reach in kept])
    known = np.where(np.isfinite(direction), direction, angles_deg(moved_cm))
    return Trials(start, go, end, known, moved_cm), n_marked - len(kept)


def _complete_reaches(markers: Sequence[tuple[int, str]]) -> tuple[list[_Reach], int]:
    """Return the trials with all markers in order, and the number of trials with any."""
    by_number: dict[int, dict[TrialEvent, tuple[int, float]]] = {}
    for time_ns, text in markers:
        if marker := parse_trial_marker(text):
            trial = by_number.setdefault(marker.trial, {})
            trial.setdefault(marker.event, (time_ns, marker.direction_deg))
    reaches = sorted(
        _Reach(trial[_START][0], trial[_GO][0], trial[_END][0], trial[_GO][1])
        for trial in by_number.values()
        if len(trial) == len(TrialEvent) and trial[_START][0] <= trial[_GO][0] < trial[_END][0]
    )
    return reaches, len(by_number)
