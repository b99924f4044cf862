"""Integrate velocity into a cursor position that starts each trial in the centre."""

from collections import deque

import numpy as np

from rt_ner.core.arrays import FloatArray
from rt_ner.lsl.ring import Ring

# A longer gap is not integrated, because the velocity in it is unknown.
_LONGEST_STEP_S = 0.2


class Cursor:
    """Position to which a velocity has moved the cursor, and the trail to it.

    ``trail`` holds ``x, y`` in cm, and NaN where a new start begins.
    """

    def __init__(self, capacity: int = 1) -> None:
        self.position_cm = np.zeros(2)
        self.trail = Ring(capacity, 2)
        self._stamp_s = np.nan
        self._starts_s: deque[float] = deque(maxlen=100)

    def start_at(self, stamp_s: float) -> None:
        """Return to the centre with the first velocity after this time."""
        self._starts_s.append(stamp_s)

    def centre(self) -> None:
        """Return to the centre now."""
        self.position_cm = np.zeros(2)
        self.trail.clear()

    def move(self, stamps_s: FloatArray, velocity_cm_s: FloatArray) -> None:
        """Integrate velocities ``(sample, 2)``, each since the sample before."""
        for stamp_s, velocity in zip(stamps_s.tolist(), velocity_cm_s, strict=True):
            if self._starts_s and self._starts_s[0] < stamp_s:
                while self._starts_s and self._starts_s[0] < stamp_s:
                    self._starts_s.popleft()
                self.position_cm = np.zeros(2)
                self.trail.extend([stamp_s], [(np.nan, np.nan)])
            step_s = stamp_s - self._stamp_s
            if 0 < step_s <= _LONGEST_STEP_S:
                self.position_cm = self.position_cm + velocity * step_s
            self._stamp_s = stamp_s
            self.trail.extend([stamp_s], [self.position_cm])
