"""Limit velocity: the operator's gain, the highest speed, and no value that is not finite."""

import math
from typing import NamedTuple

import numpy as np

from rt_ner.core.arrays import Float32Array

# The operator's gain changes in steps of 10 %, up to tenfold and down to a tenth.
_GAIN_STEP, _MOST_GAIN_STEPS = 1.1, 24


class Limited(NamedTuple):
    """A velocity ``(2,)`` that may be sent; ``was_too_fast`` is True if it was slowed down."""

    velocity_cm_s: Float32Array
    was_too_fast: bool


class SafetyLimiter:
    """A limiter that applies the operator's gain and the highest speed.

    Velocity with the gain never exceeds the highest speed, and its direction stays. A velocity
    that is not finite becomes zero.

    Parameters
    ----------
    max_speed_cm_s
        Highest speed, in cm/s.

    """

    def __init__(self, max_speed_cm_s: float) -> None:
        self._max_speed_cm_s = max_speed_cm_s
        self._gain_steps = 0
        self._scaled: Float32Array = np.zeros(2, dtype=np.float32)

    @property
    def gain(self) -> float:
        """The operator's gain, 1 at the start."""
        return _GAIN_STEP**self._gain_steps

    def change_gain(self, steps: int) -> bool:
        """Change the gain by some steps of 10 %; return False if it is at the end of its range."""
        wanted = self._gain_steps + steps
        self._gain_steps = max(-_MOST_GAIN_STEPS, min(wanted, _MOST_GAIN_STEPS))
        return wanted == self._gain_steps

    def limit(self, velocity_cm_s: Float32Array) -> Limited:
        """Apply the gain and the limit to a velocity.

        Parameters
        ----------
        velocity_cm_s
            Decoded velocity, ``(2,)``, in cm/s.

        Returns
        -------
        Limited
            The velocity that may be sent; the next call reuses its array.

        """
        speed_cm_s = math.hypot(*velocity_cm_s.tolist()) * self.gain
        if not math.isfinite(speed_cm_s):
            self._scaled[:] = 0
            return Limited(self._scaled, False)
        too_fast = speed_cm_s > self._max_speed_cm_s
        if not too_fast and not self._gain_steps:
            return Limited(velocity_cm_s, False)
        # At rest there is nothing to scale, and no speed to divide by.
        limit = min(self._max_speed_cm_s / speed_cm_s, 1.0) if speed_cm_s else 1.0
        np.multiply(velocity_cm_s, self.gain * limit, self._scaled)
        return Limited(self._scaled, too_fast)
