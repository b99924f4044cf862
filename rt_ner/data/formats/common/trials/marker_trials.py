"""Trials in the markers of a replay or a task."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rt_ner.core.contract.markers import TrialEvent, parse_trial_marker
from rt_ner.data.formats.common.trials.directions import angles_deg, displacements_cm
from rt_ner.data.formats.common.trials.trial_table import cut_ends
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.trials import Trials

_ORDER = _START, _GO, _END = tuple(TrialEvent)


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
    if not reaches:
        return None, n_marked
    start, go, end = (
        np.array(times, dtype=np.int64) for times in list(zip(*reaches, strict=True))[:3]
    )
    end = cut_ends(start, end, [])
    kept = go < end
    start, go, end = start[kept], go[kept], end[kept]
    moved_cm = displacements_cm(go, end, kinematics)
    direction = np.array([reach.direction_deg for reach in reaches])[kept]
    known = np.where(np.isfinite(direction), direction, angles_deg(moved_cm))
    return Trials(start, go, end, known, moved_cm), n_marked - int(kept.sum())


def _complete_reaches(markers: Sequence[tuple[int, str]]) -> tuple[list[_Reach], int]:
    """Return the trials with all markers in order, and the number of trials with any."""
    open_trials: dict[int, dict[TrialEvent, tuple[int, float]]] = {}
    trials: list[dict[TrialEvent, tuple[int, float]]] = []
    # A task without a delay starts a trial and says go in the same moment.
    read = [(time_ns, marker) for time_ns, text in markers if (marker := parse_trial_marker(text))]
    for time_ns, marker in sorted(read, key=lambda one: (one[0], _ORDER.index(one[1].event))):
        if marker.event is _START or marker.trial not in open_trials:
            # A task that was started again counts its trials from the first one again.
            open_trials[marker.trial] = {}
            trials.append(open_trials[marker.trial])
        open_trials[marker.trial].setdefault(marker.event, (time_ns, marker.direction_deg))
    reaches = sorted(
        _Reach(trial[_START][0], trial[_GO][0], trial[_END][0], trial[_GO][1])
        for trial in trials
        if len(trial) == len(TrialEvent) and trial[_START][0] <= trial[_GO][0] < trial[_END][0]
    )
    return reaches, len(trials)
