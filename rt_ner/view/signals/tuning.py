"""Fit each electrode's firing rate to the direction of the reaches, while they are made.

A reach is one sample: its hops are not independent of each other, so they would seem to tell more
than they do.
"""

from collections import deque
from typing import NamedTuple

import numpy as np

from rt_ner.core.arrays import BoolArray, FloatArray
from rt_ner.lsl.ring import Ring

FEWEST_REACHES, N_DIRECTIONS = 8, 8
# Older reaches are forgotten: tuning changes.
_MOST_REACHES = 200
# A reach's rate is that of its first part; a shorter one tells too little.
_LONGEST_S, _SHORTEST_S = 0.6, 0.2
# The chance that any electrode at all seems tuned though none is.
_FALSE_ALARM = 0.05


class TuningFit(NamedTuple):
    """A cosine fitted to the rates of each electrode: mean + depth · cos(direction − preferred).

    ``mean_hz``, ``depth_hz``, ``preferred_deg`` and ``p`` are ``(electrode,)``; ``p`` is that of an
    F-test against no tuning. ``is_tuned`` is True where p is below 0.05 over the number of
    electrodes (Bonferroni); preferred direction and depth mean nothing elsewhere, and are NaN.
    ``binned_hz`` ``(direction, electrode)`` is the mean rate in eight directions; NaN where no
    reach went.
    """

    n_reaches: int
    mean_hz: FloatArray
    depth_hz: FloatArray
    preferred_deg: FloatArray
    p: FloatArray
    is_tuned: BoolArray
    binned_hz: FloatArray


class Tuning:
    """The newest reaches, each with its direction and the mean rate ``(electrode,)``."""

    def __init__(self) -> None:
        self._begun: tuple[float, float] | None = None
        self._over: deque[tuple[float, float, float]] = deque(maxlen=_MOST_REACHES)
        self._reaches: deque[tuple[float, FloatArray]] = deque(maxlen=_MOST_REACHES)

    def __len__(self) -> int:
        return len(self._reaches)

    def begin(self, stamp_s: float, direction_deg: float) -> None:
        """Begin a reach at its go cue; one whose direction is unknown is left out."""
        self._begun = (stamp_s, direction_deg) if np.isfinite(direction_deg) else None

    def end(self, stamp_s: float) -> None:
        """End the reach, if one has begun."""
        if self._begun and stamp_s - self._begun[0] >= _SHORTEST_S:
            self._over.append((*self._begun, min(stamp_s, self._begun[0] + _LONGEST_S)))
        self._begun = None

    def take(self, spikes: Ring) -> None:
        """Take the reaches whose counts have come, from the newest counts ``(hop, electrode)``."""
        stamps_s, counts = spikes.newest()
        while self._over and len(stamps_s) and stamps_s[-1] >= self._over[0][2]:
            from_s, direction_deg, until_s = self._over.popleft()
            rows = slice(*np.searchsorted(stamps_s, (from_s, until_s), side="right"))
            # Of counts that were missed, nobody knows the rate.
            if stamps_s[0] <= from_s and rows.stop > rows.start:
                rate_hz = counts[rows].sum(axis=0) / (until_s - from_s)
                self._reaches.append((direction_deg, rate_hz))

    def fit(self) -> TuningFit | None:
        """Fit all electrodes; None while the reaches are too few, or their directions."""
        if len(self._reaches) < FEWEST_REACHES:
            return None
        direction_deg, rates_hz = (np.array(each) for each in zip(*self._reaches, strict=True))
        angle = np.deg2rad(direction_deg)
        inputs = np.column_stack([np.ones_like(angle), np.cos(angle), np.sin(angle)])
        if np.linalg.matrix_rank(inputs, tol=0.1) < 3:
            return None
        (mean_hz, x, y), *_ = np.linalg.lstsq(inputs, rates_hz, rcond=None)
        fitted = inputs @ np.stack([mean_hz, x, y])
        p = _chance(rates_hz, rates_hz - fitted)
        is_tuned = p < _FALSE_ALARM / p.size
        return TuningFit(
            len(angle),
            mean_hz,
            np.where(is_tuned, np.hypot(x, y), np.nan),
            np.where(is_tuned, np.rad2deg(np.arctan2(y, x)) % 360.0, np.nan),
            p,
            is_tuned,
            _binned(direction_deg, rates_hz),
        )


def _chance(rates_hz: FloatArray, residuals: FloatArray) -> FloatArray:
    """Return the p-value of the F-test of a cosine against a constant rate, per electrode.

    With two degrees of freedom above, F's tail has a closed form: (1 − R²) ** ((n − 3) / 2).
    """
    total = np.square(rates_hz - rates_hz.mean(axis=0)).sum(axis=0)
    left = np.square(residuals).sum(axis=0)
    unexplained = np.divide(left, total, out=np.ones_like(total), where=total > 0)
    chance: FloatArray = unexplained.clip(0, 1) ** ((len(rates_hz) - 3) / 2)
    return chance


def _binned(direction_deg: FloatArray, rates_hz: FloatArray) -> FloatArray:
    """Return the mean rate ``(direction, electrode)`` in eight directions."""
    number = np.round(direction_deg / (360.0 / N_DIRECTIONS)).astype(np.int64) % N_DIRECTIONS
    binned = np.full((N_DIRECTIONS, rates_hz.shape[1]), np.nan)
    for each in np.unique(number):
        binned[each] = rates_hz[number == each].mean(axis=0)
    return binned
