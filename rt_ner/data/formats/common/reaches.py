"""Directions, displacements and trials of reaches."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.markers import TrialEvent, parse_trial_marker
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.trials import Trials

_START, _GO, _END = TrialEvent


class _Reach(NamedTuple):
    """Times and direction of a trial with all three markers."""

    start_ns: int
    go_ns: int
    end_ns: int
    direction_deg: float


def angles_deg(displacement: FloatArray) -> FloatArray:
    """Return the directions, from 0 to 360 degrees, of displacements ``(trial, 2)``."""
    return np.asarray(np.rad2deg(np.arctan2(displacement[:, 1], displacement[:, 0])) % 360.0)


def stated_directions_deg(stated: FloatArray, moved_cm: FloatArray) -> tuple[FloatArray, str]:
    """Return directions in degrees, and the unit that the file must have stated them in.

    Where a direction is NaN, the direction of the movement replaces it.
    """
    is_stated = np.isfinite(stated)
    in_radians = bool((np.abs(stated[is_stated]) <= 2 * np.pi + 1e-6).all())
    degrees = (np.rad2deg(stated) if in_radians else stated) % 360.0
    return (
        np.where(is_stated, degrees, angles_deg(moved_cm)),
        "radians" if in_radians else "degrees",
    )


def displacements_cm(
    go_ns: Int64Array, end_ns: Int64Array, kinematics: Behaviour | None
) -> FloatArray:
    """Return how far each reach went, ``(trial, 2)``; 0 if there are no kinematics."""
    if kinematics is None:
        return np.zeros((len(go_ns), 2))
    steps_s = np.diff(kinematics.time_ns, prepend=kinematics.time_ns[0]) / NS_PER_S
    usual_s = float(np.median(steps_s))
    path_cm = np.cumsum(kinematics.values * np.minimum(steps_s, 2 * usual_s)[:, None], axis=0)
    first, last = (
        np.searchsorted(kinematics.time_ns, ns, "right").clip(1) - 1 for ns in (go_ns, end_ns)
    )
    return np.asarray(path_cm[last] - path_cm[first])


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
