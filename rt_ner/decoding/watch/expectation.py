"""Hold the statistics of each channel's firing in training, and follow its slow changes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rt_ner.core.arrays import BoolArray, FloatArray
from rt_ner.core.contract.faults.fault import Fault

# A held-out R² with a fault of this kind, by its severity; None if it was not measured.
ScoreWith = Callable[[Fault, float], float | None]

# Weight of the training's rates at the start, and time constant in the long run, in s.
_TRUSTED_S, _MEMORY_S = 2, 300
# Seconds to learn from before rates are compared.
_SETTLED_S = 90
# A second's rate counts as at most this many times the expected one, plus this many spikes/s.
_MOST_RATIO, _MOST_ABOVE = 4.0, 4.0
# Channels with a lower expected rate (spikes/s) are left out of the whole array's change.
_FEWEST_SPIKES = 2.0
# With fewer channels than this, no change of the whole array is looked for.
_FEWEST_CHANNELS = 5
# Fraction of the array, by its expected spikes, that need not share the change.
_PART = 0.3


@dataclass(frozen=True, eq=False)
class Expectation:
    """The firing of each channel in training, and the scores that show what a fault costs.

    Attributes
    ----------
    rate_hz
        Mean rate per channel, ``(channel,)``.
    most_hz
        Highest rate per channel that lasted for several seconds, ``(channel,)``.
    silence_s
        Longest time without a spike per channel, ``(channel,)``.
    fall, rise
        Lowest and highest factor by which the rates of most channels changed at once.
    r2
        Held-out R² of the decoder; None if not known.
    r2_with
        Returns the held-out R² with a fault; None if faults were not measured.

    """

    rate_hz: FloatArray
    most_hz: FloatArray
    silence_s: FloatArray
    fall: float
    rise: float
    r2: float | None = None
    r2_with: ScoreWith | None = None

    def is_of_same_firing(self, other: "Expectation") -> bool:
        """Return True if both are of the same training."""
        return all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ("rate_hz", "most_hz", "silence_s", "fall", "rise")
        )


class FollowedRates:
    """The rates per channel that are expected now: those of training, slowly adapted.

    Attributes
    ----------
    rate_hz
        The expected rates, ``(channel,)``.
    is_settled
        True once enough seconds were learned from: neurons differ from day to day.

    """

    def __init__(self, rate_hz: FloatArray) -> None:
        self.rate_hz: FloatArray = rate_hz.copy()
        self._n_learned = 0

    @property
    def is_settled(self) -> bool:
        """True once enough seconds were learned from."""
        return self._n_learned >= _SETTLED_S

    def learn(self, rate_hz: FloatArray, is_sound: BoolArray) -> None:
        """Learn from a second's rates ``(channel,)`` of the channels that are sound."""
        most_hz = _MOST_RATIO * self.rate_hz + _MOST_ABOVE
        weight = 1 / min(_TRUSTED_S + self._n_learned, _MEMORY_S)
        step = weight * (np.minimum(rate_hz, most_hz) - self.rate_hz)
        self.rate_hz[is_sound] += step[is_sound]
        self._n_learned += 1

    def change(self, rate_hz: FloatArray, is_sound: BoolArray) -> "ArrayChange":
        """Return the factor between the rates of the sound channels and those expected."""
        among = is_sound & (self.rate_hz >= _FEWEST_SPIKES)
        if among.sum() < _FEWEST_CHANNELS:
            return NO_CHANGE
        expected = self.rate_hz[among]
        ratio = (rate_hz[among] + 0.25) / (expected + 0.25)
        in_order = np.argsort(ratio)
        weight = np.cumsum(expected[in_order])
        parts = np.searchsorted(weight, np.array([_PART, 0.5, 1 - _PART]) * weight[-1])
        return ArrayChange(*ratio[in_order[parts]].tolist())


@dataclass(frozen=True)
class ArrayChange:
    """The factor between an array's rates and those expected.

    ``factor`` is the median over channels. Most channels changed by ``at_least`` or more, and most
    by ``at_most`` or less. All are weighted by the channels' expected rates.
    """

    at_least: float
    factor: float
    at_most: float


NO_CHANGE = ArrayChange(1.0, 1.0, 1.0)
