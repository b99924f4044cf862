"""Measure the firing of each channel that the live decoder is to expect."""

import numpy as np

from rt_ner.core.arrays import AnyArray, BoolArray, Float32Array, FloatArray
from rt_ner.core.clock import NS_PER_S
from rt_ner.data.session.session import Session
from rt_ner.decoding.watch.expectation import Expectation, FollowedRates
from rt_ner.decoding.watch.recent import RecentSeconds
from rt_ner.offline.dataset import hop_counts

# Of several recordings, so many of the newest as last this long: older ones tell of other neurons.
_ENOUGH_NS = 600 * NS_PER_S


def expectation_of(session: Session, n_train: int, hop_ns: int) -> Expectation | None:
    """Return the firing per channel in a session's first ``n_train`` trials.

    None if the session is too short to tell, or holds spike-band power, which is never silent.
    """
    if session.voltage.is_power:
        return None
    counts, is_counted = hop_counts(session, hop_ns)
    begin_ns, end_ns = _begin_ns(session, n_train), int(session.trials.end_ns[n_train - 1])
    part = slice(begin_ns // hop_ns, end_ns // hop_ns)
    return measured_expectation(counts[part], is_counted[part], hop_ns)


def measured_expectation(
    counts: AnyArray, is_counted: BoolArray, hop_ns: int
) -> Expectation | None:
    """Return the firing per channel in counts ``(hop, channel)``; None if they are too few."""
    if not is_counted.any():
        return None
    rate_hz = counts[is_counted].mean(axis=0, dtype=np.float64) * (NS_PER_S / hop_ns)
    measure = _Measure(rate_hz, hop_ns)
    for hop, counted in enumerate(is_counted.tolist()):
        measure.take(counts[hop].astype(np.float32), counted)
    return measure.expectation() if measure.n_looked_at else None


class _Measure:
    """The extremes of the firing, in all seconds of a session."""

    def __init__(self, rate_hz: FloatArray, hop_ns: int) -> None:
        self._rate_hz = rate_hz
        self._recent = RecentSeconds(rate_hz.size, hop_ns)
        self._rates = FollowedRates(rate_hz)
        self._is_sound = np.ones(rate_hz.size, dtype=np.bool_)
        self._most_hz = rate_hz.copy()
        self._silence_s = np.zeros(rate_hz.size)
        self._fall = self._rise = 1.0
        self.n_looked_at = 0

    def take(self, hop_counts: Float32Array, is_counted: bool) -> None:
        """Take a hop."""
        recent = self._recent
        if not is_counted:
            recent.begin_again()
            return
        has_second = recent.take(hop_counts)
        np.maximum(self._silence_s, recent.silence_s, out=self._silence_s)
        if has_second and recent.is_full:
            self._look()

    def _look(self) -> None:
        recent, rates = self._recent, self._rates
        middle_hz = recent.middle / recent.second_s
        np.maximum(self._most_hz, recent.sustained / recent.second_s, out=self._most_hz)
        if rates.is_settled:
            change = rates.change(middle_hz, self._is_sound)
            self._rise = max(self._rise, change.at_least)
            self._fall = min(self._fall, change.at_most)
        rates.learn(recent.oldest / recent.second_s, self._is_sound)
        self.n_looked_at += 1

    def expectation(self) -> Expectation:
        """Return what was measured."""
        return Expectation(self._rate_hz, self._most_hz, self._silence_s, self._fall, self._rise)


def _begin_ns(session: Session, n_train: int) -> int:
    """Return the beginning of the newest recordings that last long enough."""
    trials, n_before = session.trials, 0
    end_ns = int(trials.end_ns[n_train - 1])
    first = [0]
    for part in session.parts[:-1]:
        n_before += part.n_trials
        first.append(n_before)
    begins_ns = [int(trials.start_ns[trial]) for trial in first if trial < n_train]
    enough = [begin_ns for begin_ns in begins_ns if end_ns - begin_ns >= _ENOUGH_NS]
    return enough[-1] if enough else 0
