"""Find the reaches of a task in what it shows: where each begins, and in which direction."""

import numpy as np

from rt_ner.core.arrays import FloatArray
from rt_ner.lsl.ring import Ring
from rt_ner.view.signals.tuning import Tuning


class Reaches:
    """Tells a tuning the reaches of a task: from the go cue until the target changes or goes."""

    def __init__(self) -> None:
        self._goal: tuple[float, ...] | None = None

    def take(self, stamps_s: FloatArray, targets: FloatArray, cursor: Ring, to: Tuning) -> None:
        """Take rows of the target's stream: x, y, radius and go."""
        for stamp_s, (x, y, radius, go) in zip(stamps_s.tolist(), targets.tolist(), strict=True):
            goal = (x, y, radius) if radius > 0 and go > 0 else None
            if goal == self._goal:
                continue
            self._goal = goal
            to.end(stamp_s)
            if goal is not None:
                to.begin(stamp_s, _direction_deg(goal, stamp_s, cursor))


def _direction_deg(goal: tuple[float, ...], stamp_s: float, cursor: Ring) -> float:
    """Return the direction from the cursor to the goal; NaN if the cursor is in it already."""
    stamps_s, places = cursor.newest()
    row = int(np.searchsorted(stamps_s, stamp_s, side="right")) - 1
    if row < 0:
        return np.nan
    x, y = goal[0] - places[row, 0], goal[1] - places[row, 1]
    return float(np.rad2deg(np.arctan2(y, x)) % 360.0) if np.hypot(x, y) > goal[2] else np.nan
