"""Model when a subject clicks: once the cursor has settled on a target that is chosen by a click."""

# The subject clicks once the cursor, as it believes, has been so well within the target for a
# while, and keeps it there meanwhile. It clicks again if the target is still there later.
_WELL_WITHIN = 0.6
_SETTLE_S, _LASTS_S, _AGAIN_S = 0.2, 0.25, 0.5


class Clicking:
    """Intention to click, step by step."""

    def __init__(self, step_s: float) -> None:
        self._settle, self._lasts, self._again = (
            max(round(seconds / step_s), 1) for seconds in (_SETTLE_S, _LASTS_S, _AGAIN_S)
        )
        self._n_within = 0
        self._n_left = 0

    @property
    def is_clicking(self) -> bool:
        """True while a click is intended."""
        return self._n_left > self._again

    def step(self, distance_cm: float, within_cm: float) -> None:
        """Go on by one step, so far from the target's centre; a radius of 0: nothing to click."""
        self._n_left = max(self._n_left - 1, 0)
        is_within = distance_cm <= _WELL_WITHIN * within_cm and within_cm > 0
        self._n_within = self._n_within + 1 if is_within and not self._n_left else 0
        if self._n_within >= self._settle:
            self._n_left = self._lasts + self._again
            self._n_within = 0
