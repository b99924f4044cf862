"""Decode outputs by a Wiener filter: ridge regression on the window."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve

from offline_training.methods.method import FitContext, Method
from offline_training.methods.preparation import Standardiser, fit_standardiser
from rt_ner.core.arrays import BoolArray, FloatArray
from rt_ner.offline.dataset import Dataset

# A penalty of 1 weighs as much as a feature's own variance.
PENALTIES = tuple(float(penalty) for penalty in np.logspace(-3, 1, 9))
_N_FOLDS = 5


@dataclass(frozen=True, eq=False)
class WienerFilter:
    """A filter: standardised window · ``weights`` ``(bin · channel + 1, output)``, bias last."""

    standardise: Standardiser
    weights: FloatArray
    penalty: float

    def __call__(self, dataset: Dataset) -> FloatArray:
        """Return outputs ``(hop, output)``."""
        values: FloatArray = _features(self.standardise, dataset) @ self.weights
        return values


@dataclass(frozen=True, eq=False)
class _Moments:
    """Sums over hops: features · features, features · outputs, and the number of hops."""

    gram: FloatArray
    cross: FloatArray
    n_hops: int

    def __sub__(self, other: "_Moments") -> "_Moments":
        return _Moments(
            self.gram - other.gram, self.cross - other.cross, self.n_hops - other.n_hops
        )


def _fit(train: Dataset, context: FitContext) -> WienerFilter:
    """Choose the penalty by cross-validation over groups of trials, then fit to all of them."""
    standardise = fit_standardiser(train.windows)
    features = _features(standardise, train)
    values = train.labels.values
    everything = _moments(features, values)
    errors = np.zeros(len(PENALTIES))
    for n_done, held_out in enumerate(_folds(train), start=1):
        unseen, wanted = features[held_out], values[held_out]
        rest = everything - _moments(unseen, wanted)
        for index, penalty in enumerate(PENALTIES):
            errors[index] += np.square(wanted - unseen @ _ridge(rest, penalty)).sum()
        context.progress(n_done / _N_FOLDS)
    penalty = PENALTIES[int(np.argmin(errors))]
    return WienerFilter(standardise, _ridge(everything, penalty), penalty)


def _features(standardise: Standardiser, dataset: Dataset) -> FloatArray:
    """Return windows ``(hop, bin · channel + 1)``; the last feature is always 1."""
    flat = standardise.flat(dataset.windows).astype(np.float64)
    return np.concatenate([flat, np.ones((len(flat), 1))], axis=1)


def _moments(features: FloatArray, values: FloatArray) -> _Moments:
    """Return the moments of features and outputs."""
    return _Moments(features.T @ features, features.T @ values, len(features))


def _ridge(moments: _Moments, penalty: float) -> FloatArray:
    """Solve the normal equations for weights ``(feature, output)``; the bias is not penalised."""
    penalties = np.full(len(moments.gram), penalty * moments.n_hops)
    penalties[-1] = 0
    weights: FloatArray = solve(
        moments.gram + np.diag(penalties), moments.cross, assume_a="pos", overwrite_a=True
    )
    return weights


def _folds(dataset: Dataset) -> list[BoolArray]:
    """Return masks of hops to hold out: groups of consecutive trials, so that drift shows."""
    trials = np.unique(dataset.labels.trial)
    groups = np.array_split(trials, min(_N_FOLDS, trials.size))
    return [np.isin(dataset.labels.trial, group) for group in groups]


WIENER = Method("wiener", 2, _fit, direct=True)
