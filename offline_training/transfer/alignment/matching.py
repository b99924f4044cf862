"""Matching: which units of one day are which of another, by how they fire and where they stand.

Sorting gives units new names each day, but goes through the electrodes in the same order. So a
match must keep the order, and within it pairs units that fire alike: at like rates, and in like
company (their correlations, at several lags, with the units that are matched already). No
kinematics are needed. Whether two days have units in common at all is told by chance: the same
with the second day's units in random order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_MS
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.labels import Labels

# Similarity below which two units are better left alone, and the share of it that rates have.
_THRESHOLD, _RATE_SHARE = 0.3, 0.2
# Spread of a unit's log rate between days, and of its place in the order.
_LOG_RATE_SD, _PLACE_SD = 0.4, 0.1
# Counts are summed over so many bins, and correlated at these lags (in hops).
_SUMMED_BINS, _LAGS = 5, (0, 3, 6)
_MAX_ROUNDS, _N_CHANCE = 15, 20
_SPIKES_FLOOR = 0.02
# How finely the time in a trial is told apart where units are compared by their tuning.
_TUNING_STEP_NS = 120 * NS_PER_MS


@dataclass(frozen=True, eq=False)
class Activity:
    """One day's units as a match sees them.

    ``rate``: mean root count a bin, ``(unit,)``. ``covariance``: correlations of summed root
    counts at each lag, ``(lag, unit, unit)``.
    """

    rate: FloatArray
    covariance: FloatArray

    def reordered(self, order: Int64Array) -> "Activity":
        """The same with its units in another order."""
        return Activity(self.rate[order], self.covariance[:, order][:, :, order])


@dataclass(frozen=True, eq=False)
class Matching:
    """Pairs ``(pair, 2)`` of units, the first day's and the second day's.

    ``score``: by how much the pairs' similarities exceed the threshold, in sum. ``chance``: the
    same where the second day's units stand in random orders; empty for a match by name, which
    was not looked for and so can't be found by chance.
    """

    pairs: Int64Array
    score: float
    chance: FloatArray

    @property
    def by_name(self) -> bool:
        """Whether the units' names told the pairs."""
        return not self.chance.size

    @property
    def is_real(self) -> bool:
        """Whether it is better than every match by chance, by as much again as those spread."""
        if self.by_name:
            return True
        spread = float(self.chance.max() - self.chance.min())
        return self.score > float(self.chance.max()) + spread


def activity(dataset: Dataset) -> Activity:
    """How a day's units fire. Its labels are not looked at."""
    root = np.sqrt(dataset.windows[:, -_SUMMED_BINS:].astype(np.float64))
    summed = root.sum(axis=1)
    standard = (summed - summed.mean(axis=0)) / (summed.std(axis=0) + 1e-6)
    bins = np.arange(len(standard))
    covariance = [
        standard[: bins.size - lag].T @ standard[lag:] / (bins.size - lag) for lag in _LAGS
    ]
    return Activity(root[:, -1].mean(axis=0), np.stack(covariance))


def match_units(first: Activity, second: Activity, tuning: FloatArray | None = None) -> Matching:
    """Match two days' units. ``tuning``: similarities ``(first, second)`` that labels give, if any.

    The chance is that of the firing alone, so that a match is judged the same with labels.
    """
    pairs, score = _match(first, second, tuning)
    _, unlabelled_score = (pairs, score) if tuning is None else _match(first, second, None)
    rng = np.random.default_rng(0)
    chance = [
        _match(first, second.reordered(rng.permutation(second.rate.size)), None)[1]
        for _ in range(_N_CHANCE)
    ]
    return Matching(pairs, unlabelled_score, np.array(chance))


def match_by_name(first_ids: Sequence[str], second_ids: Sequence[str]) -> Matching:
    """Match channels that bear the same names on both days, as electrodes do."""
    place = {name: index for index, name in enumerate(second_ids)}
    pairs = [(index, place[name]) for index, name in enumerate(first_ids) if name in place]
    return Matching(np.array(pairs, dtype=np.int64).reshape(-1, 2), 0.0, np.zeros(0))


def tuning_similarity(first: Dataset, second: Dataset) -> FloatArray:
    """Correlations ``(first unit, second unit)`` of two days' units over the conditions of both.

    A condition is a direction at a step of the trial; a unit's tuning is its mean root count in
    each. A unit that is silent, or that two days with no condition in common leave unknown, is
    like none.
    """
    tunings = [_tuning(day) for day in (first, second)]
    common = sorted(tunings[0].keys() & tunings[1].keys())
    ours, theirs = (
        _unit_columns(np.array([tuning[condition] for condition in common]).reshape(-1, n_units))
        for tuning, n_units in zip(
            tunings, (first.windows.shape[2], second.windows.shape[2]), strict=True
        )
    )
    similarity: FloatArray = ours.T @ theirs
    return similarity


def _tuning(day: Dataset) -> dict[tuple[float, int], FloatArray]:
    """Mean root count in the newest bin, ``(unit,)``, of each direction and step."""
    root = np.sqrt(day.windows[:, -1].astype(np.float64))
    conditions = np.stack([day.labels.direction_deg, _steps_in_trial(day.labels)], axis=1)
    unique, row = np.unique(conditions, axis=0, return_inverse=True)
    means = [root[row == index].mean(axis=0) for index in range(len(unique))]
    return {
        (float(direction), int(step)): mean
        for (direction, step), mean in zip(unique, means, strict=True)
    }


def _steps_in_trial(labels: Labels) -> Int64Array:
    """Each hop's step since the first labelled hop of its trial."""
    _, first_hop, trial = np.unique(labels.trial, return_index=True, return_inverse=True)
    return (labels.end_ns - labels.end_ns[first_hop][trial]) // _TUNING_STEP_NS


def _unit_columns(values: FloatArray) -> FloatArray:
    """Columns with their means taken off, of unit length; those that don't vary are zero."""
    centred = values - values.mean(axis=0) if len(values) else values
    length = np.linalg.norm(centred, axis=0)
    columns: FloatArray = centred / np.where(length > 1e-9, length, np.inf)
    return columns


def _match(
    first: Activity, second: Activity, tuning: FloatArray | None
) -> tuple[Int64Array, float]:
    """Begin with rates and places; then match by company until the match stays."""
    rates = _rate_similarity(first, second)
    pairs, score = ordered_pairs(rates * _place_similarity(first, second), _THRESHOLD)
    for _ in range(_MAX_ROUNDS):
        if not len(pairs):
            break
        company = _company_similarity(first, second, pairs)
        similarity = (1 - _RATE_SHARE) * company + _RATE_SHARE * rates
        threshold = _THRESHOLD
        if tuning is not None:
            similarity, threshold = similarity + tuning, 2 * _THRESHOLD
        matched, score = ordered_pairs(similarity, threshold)
        if np.array_equal(matched, pairs):
            break
        pairs = matched
    return pairs, score


def _rate_similarity(first: Activity, second: Activity) -> FloatArray:
    logs = [np.log(day.rate + _SPIKES_FLOOR) for day in (first, second)]
    similarity: FloatArray = np.exp(-(((logs[0][:, None] - logs[1]) / _LOG_RATE_SD) ** 2))
    return similarity


def _place_similarity(first: Activity, second: Activity) -> FloatArray:
    places = [np.arange(day.rate.size) / day.rate.size for day in (first, second)]
    similarity: FloatArray = np.exp(-(((places[0][:, None] - places[1]) / _PLACE_SD) ** 2))
    return similarity


def _company_similarity(first: Activity, second: Activity, pairs: Int64Array) -> FloatArray:
    """Correlation ``(first, second)`` of the units' correlations with the matched units."""
    return _company(first, pairs[:, 0]) @ _company(second, pairs[:, 1]).T


def _company(day: Activity, matched: Int64Array) -> FloatArray:
    """Each unit's correlations with the matched units, both ways in time, as unit vectors.

    A unit's correlation with itself tells nothing and is left out; the matched units' means are
    taken off, for what is common to all units tells none from another.
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
    company: FloatArray = centred / np.maximum(length, 1e-12)
    return company


def ordered_pairs(similarity: FloatArray, threshold: float) -> tuple[Int64Array, float]:
    """The pairs, ascending on both sides, whose similarities exceed the threshold by the most.

    The alignment of Needleman & Wunsch (1970) without a price for gaps; and that sum.
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
    """The best sum over the first units of both days, ``(first + 1, second + 1)``."""
    best = np.zeros((gain.shape[0] + 1, gain.shape[1] + 1))
    for row in range(gain.shape[0]):
        for column in range(gain.shape[1]):
            paired = best[row, column] + gain[row, column]
            best[row + 1, column + 1] = max(paired, best[row, column + 1], best[row + 1, column])
    return best
