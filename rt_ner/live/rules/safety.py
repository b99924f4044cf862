"""Make outputs safe to send: apply the gain, limit the speed, replace values not finite."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rt_ner.core.arrays import Float32Array
from rt_ner.core.contract.outputs import VELOCITY_XY, Output, held_at_rest
from rt_ner.core.quantities.units import cm_per_unit
from rt_ner.live.settings import SafetySettings

# The operator's gain changes in steps of 10 %, up to tenfold and down to a tenth.
_GAIN_STEP, _MOST_GAIN_STEPS = 1.1, 24


def can_change_gain(gain: float, steps: int) -> bool:
    """Return True if the operator's gain may change by so many steps."""
    most: float = _GAIN_STEP ** (_MOST_GAIN_STEPS + 0.5)
    return 1 / most < gain * _GAIN_STEP**steps < most


class Limited(NamedTuple):
    """Outputs ``(output,)`` that may be sent; ``was_too_fast`` is True if they were slowed down."""

    values: Float32Array
    was_too_fast: bool


class SafetyLimiter:
    """A limiter that applies the operator's gain and the highest speed.

    Both apply to velocities only. After the gain, their joint speed never exceeds the limit, and
    their direction is kept. If outputs are not finite, those at rest are sent instead.

    Parameters
    ----------
    settings
        The highest speed, in cm/s (in the velocities' own unit if that is no length per time);
        and whether outputs other than velocities keep their last value at rest or go to zero.
    outputs
        Name, unit and kind of each output.
    n_classes
        Number of classes; 0 without a classifier.

    Attributes
    ----------
    rest
        The outputs to send at rest, ``(output,)``.
    undecided
        The probabilities to send at rest, ``(class,)``: all zero, so that none exceeds a threshold.
        Equal probabilities might, and NaN is not below one either.

    """

    def __init__(
        self,
        settings: SafetySettings,
        outputs: Sequence[Output] = VELOCITY_XY,
        n_classes: int = 0,
    ) -> None:
        self._max_speed_cm_s = settings.max_speed_cm_s
        self._gain_steps = 0
        is_rate = [output.is_rate for output in outputs]
        self._rates = np.flatnonzero(is_rate)
        self._held = np.flatnonzero(held_at_rest(outputs, settings.hold))
        in_cm_s = [cm_per_unit(output.unit) or 1.0 for output in outputs if output.is_rate]
        self._cm_per_unit = np.array(in_cm_s, dtype=np.float32)
        self._are_cm_s = all(is_rate) and set(in_cm_s) == {1.0}
        self._scaled: Float32Array = np.zeros(len(outputs), dtype=np.float32)
        self.rest: Float32Array = np.zeros(len(outputs), dtype=np.float32)
        self.undecided: Float32Array = np.zeros(n_classes, dtype=np.float32)

    @property
    def gain(self) -> float:
        """The operator's gain, 1 at the start."""
        return _GAIN_STEP**self._gain_steps

    def change_gain(self, steps: int) -> bool:
        """Change the gain by some steps of 10 %; return False if it is at the end of its range."""
        wanted = self._gain_steps + steps
        self._gain_steps = max(-_MOST_GAIN_STEPS, min(wanted, _MOST_GAIN_STEPS))
        return wanted == self._gain_steps

    def limit(self, values: Float32Array) -> Limited:
        """Apply the gain and the limit to some outputs.

        Parameters
        ----------
        values
            Decoded outputs, ``(output,)``, in their units.

        Returns
        -------
        Limited
            The outputs that may be sent; the next call reuses their array.

        """
        if not self._are_cm_s:
            return self._limit_mixed(values)
        speed_cm_s = math.hypot(*values.tolist()) * self.gain
        if not math.isfinite(speed_cm_s):
            self._scaled[:] = 0
            return Limited(self._scaled, False)
        too_fast = speed_cm_s > self._max_speed_cm_s
        if not too_fast and not self._gain_steps:
            return Limited(values, False)
        # At rest there is nothing to scale, and no speed to divide by.
        limit = min(self._max_speed_cm_s / speed_cm_s, 1.0) if speed_cm_s else 1.0
        np.multiply(values, self.gain * limit, self._scaled)
        return Limited(self._scaled, too_fast)

    def _limit_mixed(self, values: Float32Array) -> Limited:
        """Limit the velocities among some outputs, and keep the others for a time of rest."""
        if not np.isfinite(values).all():
            return Limited(self.rest, False)
        rates_cm_s = values[self._rates] * self._cm_per_unit
        speed_cm_s = math.hypot(*rates_cm_s.tolist()) * self.gain
        too_fast = speed_cm_s > self._max_speed_cm_s
        limit = self._max_speed_cm_s / speed_cm_s if too_fast else 1.0
        self._scaled[:] = values
        self._scaled[self._rates] *= self.gain * limit
        self.rest[self._held] = values[self._held]
        return Limited(self._scaled, too_fast)
