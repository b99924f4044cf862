"""Model when a subject clicks: once the cursor has settled on a target to be clicked."""

# A click begins when the cursor has been so well within the target for a while. It lasts until the
# subject sees that the target is gone, or that the cursor is leaving it, or for so long; then the
# subject waits before it tries again.
_WELL_WITHIN = 0.8
_SETTLE_S, _LONGEST_S, _AGAIN_S = 0.1, 0.8, 0.4


class Clicking:
    """Intention to click, step by step."""

    def __init__(self, step_s: float) -> None:
        self._settle, self._longest, self._again = (
            max(round(seconds / step_s), 1) for seconds in (_SETTLE_S, _LONGEST_S, _AGAIN_S)
        )
        # Steps: well within the target, clicking, and until it may click again.
        self._within = self._clicking = self._waiting = 0

    @property
    def is_clicking(self) -> bool:
        """True while a click is intended."""
        return self._clicking > 0

    def step(self, distance_cm: float, radius_cm: float) -> None:
        """Go on by one step, so far from the target's centre; a radius of 0: nothing to click."""
        self._waiting = max(self._waiting - 1, 0)
        if self._clicking:
            is_kept = distance_cm <= radius_cm and self._clicking < self._longest
            self._clicking = self._clicking + 1 if is_kept else 0
            self._waiting = 0 if is_kept else self._again
            return
        is_well_within = radius_cm > 0 and distance_cm <= _WELL_WITHIN * radius_cm
        self._within = self._within + 1 if is_well_within and not self._waiting else 0
        if self._within >= self._settle:
            self._within, self._clicking = 0, 1
