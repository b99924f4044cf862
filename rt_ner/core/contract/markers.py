"""Write and read the markers of sessions and trials that replays and tasks send.

``session_zero`` and ``session_end`` bound a replay. A trial is ``trial_start N``, ``go N
direction_deg=D`` and ``trial_end N``. A task adds ``select N right`` or ``select N wrong`` at a
selection, ``false_click`` at a click that did not select the wanted target, and at its end
``scores`` with all its scores as one JSON object. No other module writes or parses these texts.
"""

import json
import math
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

# Time zero of the session (in the past, if a later part is played) and the end of a replay.
SESSION_ZERO, SESSION_END = "session_zero", "session_end"
FALSE_CLICK = "false_click"
_SELECTION_MARKER = re.compile(r"select \d+ (?:right|wrong)$")
_TRIAL_MARKER = re.compile(r"(trial_start|go|trial_end) (\d+)(?: direction_deg=([-+.\deE]+))?$")


class TrialEvent(StrEnum):
    """The moments of a trial."""

    START = "trial_start"
    GO = "go"
    END = "trial_end"


class TrialMarker(NamedTuple):
    """One moment of one trial; ``str`` gives the marker's text.

    Attributes
    ----------
    event
        Start, go cue or end.
    trial
        The trial's number.
    direction_deg
        Direction of the reach in degrees, given with `TrialEvent.GO`; otherwise NaN.

    """

    event: TrialEvent
    trial: int
    direction_deg: float = math.nan

    def __str__(self) -> str:
        told = "" if math.isnan(self.direction_deg) else f" direction_deg={self.direction_deg:g}"
        return f"{self.event} {self.trial}{told}"


def parse_trial_marker(text: str) -> TrialMarker | None:
    """Return the trial marker that a text holds; None if it holds none."""
    match = _TRIAL_MARKER.match(text)
    if match is None:
        return None
    event, trial, direction = match.groups()
    try:
        direction_deg = float(direction) if direction else math.nan
    except ValueError:
        return None
    return TrialMarker(TrialEvent(event), int(trial), direction_deg)


def selection_marker(trial: int, is_right: bool) -> str:
    """Return the marker of the selection that ends a trial."""
    return f"select {trial} {'right' if is_right else 'wrong'}"


def is_selection_marker(text: str) -> bool:
    """Return True if a text is the marker of a selection, right or wrong."""
    return bool(_SELECTION_MARKER.match(text))


def scores_marker(scores: Mapping[str, float]) -> str:
    """Return the marker of a block's scores by name; null stands for those that don't exist."""
    known = {name: None if math.isnan(value) else value for name, value in scores.items()}
    return f"scores {json.dumps(known)}"
