"""Adapt a readout to the intended movement, a little at a time.

Nothing adapts unless `rt-ner adapt` runs. The readout stays within a bound around the first one,
and each step can be undone.
"""

from typing import Protocol

import numpy as np

from rt_ner.core.arrays import Float32Array, FloatArray
from rt_ner.decoding.readouts.readout import Readout, fit_readout

# In units of the first readout's own root mean square velocity on the same latents.
FARTHEST = 0.7
# The first readout weighs as much as so many seconds of use.
_PRIOR_S = 20.0


class Adapter(Protocol):
    """A method of adaptation, from latents ``(hop, latent)`` and intended velocity in cm/s."""

    def take(self, latents: Float32Array, intended_cm_s: FloatArray) -> Readout:
        """Learn from the newest stretch of use, and return the readout."""
        ...


class RecursiveLeastSquares:
    """Recursive least squares, in which the weight of older data halves every ``half_life_s``.

    The first readout counts as some seconds of earlier data, so that the first steps are small.
    """

    def __init__(self, first: Readout, hop_s: float, half_life_s: float) -> None:
        self._first = first
        self._keep = 0.5 ** (hop_s / half_life_s)
        self._prior_hops = _PRIOR_S / hop_s
        self._gram: FloatArray | None = None
        self._cross = np.zeros((len(first.matrix) + 1, 2))

    def take(self, latents: Float32Array, intended_cm_s: FloatArray) -> Readout:
        """Learn from the newest stretch of use, and return the readout."""
        inputs = _with_one(latents)
        if self._gram is None:
            self._gram = inputs.T @ inputs * (self._prior_hops / len(inputs))
            self._cross = self._gram @ _stacked(self._first)
        age = self._keep ** np.arange(len(inputs))[::-1, None]
        faded = self._keep ** len(inputs)
        self._gram = faded * self._gram + (age * inputs).T @ inputs
        self._cross = faded * self._cross + (age * inputs).T @ intended_cm_s
        ridge = np.eye(len(self._gram)) * max(1e-6 * np.trace(self._gram) / len(self._gram), 1e-12)
        solved = np.linalg.solve(self._gram + ridge, self._cross)
        return Readout(solved[:-1], solved[-1], self._first.outputs)


class SmoothBatch:
    """A readout fitted to each stretch alone, mixed into the one before (Orsborn et al. 2012)."""

    def __init__(self, first: Readout, hop_s: float, half_life_s: float) -> None:
        self._newest = first
        self._hop_s, self._half_life_s = hop_s, half_life_s

    def take(self, latents: Float32Array, intended_cm_s: FloatArray) -> Readout:
        """Mix in a fit to the newest stretch of use, and return the readout."""
        old, new = self._newest, fit_readout(latents, intended_cm_s)
        share = 0.5 ** (len(latents) * self._hop_s / self._half_life_s)
        self._newest = _mixed(new, old, share)
        return self._newest


def bounded(adapted: Readout, first: Readout, latents: Float32Array) -> tuple[Readout, bool]:
    """Return the adapted readout, or one on the way to it that is within the bound.

    It is scaled to the first one's speed on these latents, because least squares shrinks. The
    second value is True if it was held back.
    """
    was = first.mapped(latents)
    now = adapted.mapped(latents)
    own = float(np.sqrt(np.square(was).sum()))
    speed = own / max(float(np.sqrt(np.square(now).sum())), 1e-9)
    fast = adapted.scaled(speed)
    distance = float(np.sqrt(np.square(speed * now - was).sum())) / max(own, 1e-9)
    if distance <= FARTHEST:
        return fast, False
    return _mixed(fast, first, 1 - FARTHEST / distance), True


def _mixed(one: Readout, other: Readout, share: float) -> Readout:
    """Return a mixture: ``share`` of the other, the rest of the one."""
    mixed = (1 - share) * _stacked(one) + share * _stacked(other)
    return Readout(mixed[:-1], mixed[-1], one.outputs)


def _stacked(readout: Readout) -> FloatArray:
    return np.concatenate([readout.matrix, readout.bias[None]])


def _with_one(latents: Float32Array) -> FloatArray:
    return np.column_stack([latents.astype(np.float64), np.ones(len(latents))])
