"""Match the units of two days by their firing and their order.

Spike sorting renames units each day but visits the electrodes in the same order. A match therefore
keeps the order and pairs units with similar rates and similar correlations, at several lags, with
the units already matched. No kinematics are needed. A match is judged against chance: the same
procedure with the target day's units in random order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.compiled.njit import njit
from rt_ner.offline.dataset import Dataset

# Similarity below which two units are not paired, and the weight of rates in it.
_THRESHOLD, _RATE_SHARE = 0.3, 0.2
# Standard deviations of a unit's log rate and of its relative position between days.
_LOG_RATE_SD, _POSITION_SD = 0.4, 0.1
# Counts are summed over this many bins and correlated at these lags (hops).
_SUMMED_BINS, _LAGS = 5, (0, 3, 6)
_MAX_ROUNDS, _N_CHANCE = 15, 20
_SPIKES_FLOOR = 0.02


@dataclass(frozen=True, eq=False)
class Activity:
    """Firing of one day's units.

    Attributes
    ----------
    rate
        ``(unit,)``, mean square-root count per bin.
    covariance
        ``(lag, unit, unit)``, correlations of summed square-root counts at each lag.
    """

    rate: FloatArray
    covariance: FloatArray

    def reordered(self, order: Int64Array) -> "Activity":
        """Return the activity with its units in another order."""
        return Activity(self.rate[order], self.covariance[:, order][:, :, order])


@dataclass(frozen=True, eq=False)
class Matching:
    """Match of two days' units.

    Attributes
    ----------
    pairs
        ``(pair, 2)``, indices of the source day's and the target day's units.
    score
        Sum over pairs of similarity minus threshold.
    chance
        Scores with the target day's units in random order; empty for a match by name.
    """

    pairs: Int64Array
    score: float
    chance: FloatArray

    @property
    def by_name(self) -> bool:
        """True if the units were matched by name."""
        return not self.chance.size

    @property
    def is_real(self) -> bool:
        """True if the score exceeds the best chance score by more than the range of these."""
        if self.by_name:
            return True
        spread = float(self.chance.max() - self.chance.min())
        return self.score > float(self.chance.max()) + spread


def activity(dataset: Dataset) -> Activity:
    """Return the firing of a day's units. Labels are not used."""
    root = np.sqrt(dataset.windows[:, -_SUMMED_BINS:].astype(np.float64))
    summed = root.sum(axis=1)
    standard = (summed - summed.mean(axis=0)) / (summed.std(axis=0) + 1e-6)
    bins = np.arange(len(standard))
    covariance = [
        standard[: bins.size - lag].T @ standard[lag:] / (bins.size - lag) for lag in _LAGS
    ]
    return Activity(root[:, -1].mean(axis=0), np.stack(covariance))


def match_units(source: Activity, target: Activity, tuning: FloatArray | None = None) -> Matching:
    """Match two days' units by their firing and, if given, their tuning ``(source, target)``.

    Score and chance are of the firing alone, so that a match is judged the same with labels.
    """
    pairs, score = _match(source, target, tuning)
    _, unlabelled_score = (pairs, score) if tuning is None else _match(source, target, None)
    rng = np.random.default_rng(0)
    chance = [
        _match(source, target.reordered(rng.permutation(target.rate.size)), None)[1]
        for _ in range(_N_CHANCE)
    ]
    return Matching(pairs, unlabelled_score, np.array(chance))


def match_by_name(source_ids: Sequence[str], target_ids: Sequence[str]) -> Matching:
    """Match channels that have the same names on both days, as electrodes do."""
    place = {name: index for index, name in enumerate(target_ids)}
    pairs = [(index, place[name]) for index, name in enumerate(source_ids) if name in place]
    return Matching(np.array(pairs, dtype=np.int64).reshape(-1, 2), 0.0, np.zeros(0))


def _match(
    source: Activity, target: Activity, tuning: FloatArray | None
) -> tuple[Int64Array, float]:
    """Match by rates and positions first, then by correlations until the match is stable."""
    rates = _rate_similarity(source, target)
    pairs, score = ordered_pairs(rates * _position_similarity(source, target), _THRESHOLD)
    for _ in range(_MAX_ROUNDS):
        if not len(pairs):
            break
        correlations = _correlation_similarity(source, target, pairs)
        similarity = (1 - _RATE_SHARE) * correlations + _RATE_SHARE * rates
        threshold = _THRESHOLD
        if tuning is not None:
            similarity, threshold = similarity + tuning, 2 * _THRESHOLD
        matched, score = ordered_pairs(similarity, threshold)
        if np.array_equal(matched, pairs):
            break
        pairs = matched
    return pairs, score


def _rate_similarity(source: Activity, target: Activity) -> FloatArray:
    logs = [np.log(day.rate + _SPIKES_FLOOR) for day in (source, target)]
    similarity: FloatArray = np.exp(-(((logs[0][:, None] - logs[1]) / _LOG_RATE_SD) ** 2))
    return similarity


def _position_similarity(source: Activity, target: Activity) -> FloatArray:
    positions = [np.arange(day.rate.size) / day.rate.size for day in (source, target)]
    similarity: FloatArray = np.exp(-(((positions[0][:, None] - positions[1]) / _POSITION_SD) ** 2))
    return similarity


def _correlation_similarity(source: Activity, target: Activity, pairs: Int64Array) -> FloatArray:
    """Compare units by their correlations with the matched units, ``(source, target)``."""
    return _profiles(source, pairs[:, 0]) @ _profiles(target, pairs[:, 1]).T


def _profiles(day: Activity, matched: Int64Array) -> FloatArray:
    """Return each unit's correlations with the matched units, at positive and negative lags.

    Rows are unit vectors. A unit's correlation with itself is left out. Means over units are
    subtracted, because what all units share does not distinguish them.
    """
    profile = np.concatenate(
        [part for lag in day.covariance for part in (lag[:, matched], lag[matched].T)], axis=1
    )
    itself = np.zeros(profile.shape, dtype=np.bool_)
    columns = np.arange(profile.shape[1])
    itself[np.tile(matched, 2 * len(day.covariance)), columns] = True
    known = np.where(itself, 0.0, profile)
    mean = known.sum(axis=0) / np.maximum((~itself).sum(axis=0), 1)
    centred = np.where(itself, 0.0, profile - mean)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    profiles: FloatArray = centred / np.maximum(length, 1e-12)
    return profiles


def ordered_pairs(similarity: FloatArray, threshold: float) -> tuple[Int64Array, float]:
    """Return the order-preserving pairs with the largest sum of similarity minus threshold.

    This is the alignment of Needleman & Wunsch (1970) without a gap penalty.
    """
    gain = similarity - threshold
    best = _best_sums(gain)
    pairs = []
    row, column = gain.shape
    while row and column:
        if best[row, column] == best[row - 1, column]:
            row -= 1
        elif best[row, column] == best[row, column - 1]:
            column -= 1
        else:
            row, column = row - 1, column - 1
            pairs.append((row, column))
    return np.array(pairs[::-1], dtype=np.int64).reshape(-1, 2), float(best[-1, -1])


@njit(cache=True)
def _best_sums(gain: FloatArray) -> FloatArray:
    """Return the best sums over the first units of both days, ``(source + 1, target + 1)``."""
    best = np.zeros((gain.shape[0] + 1, gain.shape[1] + 1))
    for row in range(gain.shape[0]):
        for column in range(gain.shape[1]):
            paired = best[row, column] + gain[row, column]
            best[row + 1, column + 1] = max(paired, best[row, column + 1], best[row + 1, column])
    return best
