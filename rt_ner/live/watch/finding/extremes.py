"""Keep the limits of each channel: how long it may be silent, and how fast it may fire."""

import numpy as np

from rt_ner.core.arrays import BoolArray, FloatArray
from rt_ner.decoding.watch.expectation import Expectation
from rt_ner.decoding.watch.recent import RecentSeconds

# A silence is a fault if it is this many times the longest one, and this much more (s).
_SILENCE_RATIO, _SILENCE_MORE_S = 1.5, 1.0
# By then, this many spikes should have come.
_MISSED_SPIKES = 8.0
# Channels that may be silent for longer than this, in s, are not watched for silence.
_LONGEST_S = 20.0
# A hot channel fires at more than this many times its highest rate, and this many spikes/s more.
_HOT_RATIO, _HOT_MORE_HZ = 1.2, 15.0
# The whole array's rates may change by this factor without changing the limits.
_USUAL_CHANGE = 1.3
# Today's rate of a channel changes its extremes from training by no more than this factor.
_MOST_RATIO = 10.0
_TINY = 1e-9


class Extremes:
    """The extremes of training, extended by those of today.

    Electrodes record other neurons on another day, so extremes are learned as long as there is no
    fault.

    Parameters
    ----------
    expectation
        The firing in training.
    recent
        The newest seconds of counts.

    """

    def __init__(self, expectation: Expectation, recent: RecentSeconds) -> None:
        self._expected = expectation
        self._recent = recent
        self._most_hz = np.zeros_like(expectation.most_hz)
        self._longest_s = np.zeros_like(expectation.silence_s)
        self._silence_s = np.zeros_like(expectation.silence_s)

    def learn(self, is_whole: BoolArray, is_sound: BoolArray) -> None:
        """Learn today's extremes from the newest second.

        Silences are learned when they end, from channels whose bank and array have no fault
        (``is_whole``). Rates are learned from channels without any fault (``is_sound``).
        """
        silence_s = self._recent.silence_s
        ended_s = np.where(silence_s < self._silence_s, self._silence_s, 0.0)
        ended_s[~is_whole | (ended_s > _LONGEST_S)] = 0.0
        np.maximum(self._longest_s, ended_s, out=self._longest_s)
        self._silence_s = silence_s
        rate_hz = self._recent.sustained / self._recent.second_s
        self._most_hz[is_sound] = np.maximum(self._most_hz, rate_hz)[is_sound]

    def silence_limit_s(self, rate_hz: FloatArray, change: float) -> FloatArray:
        """Return the silence that counts as a fault, ``(channel,)``, in s; inf: none does.

        ``rate_hz``: the rates ``(channel,)`` expected now; ``change``: the factor by which the
        whole array fires more than that.
        """
        slower = _bounded(self._expected.rate_hz, rate_hz)
        longest_s = np.maximum(self._expected.silence_s * slower, self._longest_s)
        limit_s = _SILENCE_RATIO * longest_s + _SILENCE_MORE_S
        limit_s = np.maximum(limit_s, _MISSED_SPIKES / np.maximum(rate_hz, _TINY))
        limit_s /= min(1.0, _USUAL_CHANGE * change)
        return np.where(limit_s <= _LONGEST_S, limit_s, np.inf)

    def rate_limit_hz(self, rate_hz: FloatArray, change: float) -> FloatArray:
        """Return the rate above which a channel is hot if it lasts, ``(channel,)``, in Hz."""
        faster = _bounded(rate_hz, self._expected.rate_hz)
        most_hz = np.maximum(self._expected.most_hz * faster, self._most_hz)
        limit_hz: FloatArray = _HOT_RATIO * most_hz + _HOT_MORE_HZ
        return limit_hz * (change if change > _USUAL_CHANGE else 1.0)


def _bounded(rate_hz: FloatArray, other_hz: FloatArray) -> FloatArray:
    return np.clip(rate_hz / np.maximum(other_hz, _TINY), 1.0, _MOST_RATIO)
