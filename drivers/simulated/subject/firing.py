"""Draw the spikes of a population, millisecond by millisecond."""

import numpy as np

from drivers.simulated.subject.neurons import Neurons
from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.compiled.njit import njit

REFRACTORY_MS = 2
_STEP_S = 1e-3


class Firing:
    """Spikes of a population, with an absolute refractory period."""

    def __init__(self, neurons: Neurons, rng: np.random.Generator) -> None:
        self._neurons = neurons
        self._rng = rng
        self._silent_ms = np.full(neurons.log_hz.size, REFRACTORY_MS)
        self._shared = 0.0

    def fire(
        self, velocity_cm_s: FloatArray, position_cm: FloatArray, n_ms: int, click: float = 0.0
    ) -> Int64Array:
        """Return spikes ``(ms, channel)`` while the intention stays the same.

        It has a velocity and a position ``(2,)``, and a ``click`` from 0 to 1.
        """
        rate_hz = self._neurons.rates_hz(velocity_cm_s[None], position_cm[None], click)[0]
        if self._neurons.shared_noise.sd > 0:  # Else nothing is drawn: a seed gives the same.
            rate_hz = rate_hz * self._next_shared(n_ms * _STEP_S)
        chances = self._rng.random((n_ms, rate_hz.size))
        spikes = np.zeros((n_ms, len(self._neurons.channel_ids)), dtype=np.int64)
        _fire(chances, rate_hz * _STEP_S, self._silent_ms, self._neurons.channel, spikes)
        return spikes

    def _next_shared(self, step_s: float) -> float:
        """Return the factor that all rates share now."""
        noise = self._neurons.shared_noise
        keep = float(np.exp(-step_s / noise.lasts_s))
        fresh = self._rng.normal(0.0, noise.sd * np.sqrt(1 - keep**2))
        self._shared = keep * self._shared + fresh
        return float(np.exp(self._shared))


@njit(cache=True)
def _fire(
    chances: FloatArray,
    likely: FloatArray,
    silent_ms: Int64Array,
    channel: Int64Array,
    spikes: Int64Array,
) -> None:
    """Let units fire that are likelier to than ``chances`` ``(ms, unit)``; count their spikes."""
    for ms in range(len(chances)):
        for unit in range(likely.size):
            if chances[ms, unit] < likely[unit] and silent_ms[unit] >= REFRACTORY_MS:
                silent_ms[unit] = 0
                spikes[ms, channel[unit]] += 1
            else:
                silent_ms[unit] += 1
