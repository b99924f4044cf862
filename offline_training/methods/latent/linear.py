"""Embed by projections of the window, onto axes found in three ways."""

from dataclasses import dataclass

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from offline_training.methods.method import FitContext, Method
from offline_training.methods.preparation import Standardiser, fit_standardiser
from rt_ner.core.arrays import Float32Array, FloatArray, Int64Array
from rt_ner.core.errors import SessionError
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.labels import Labels

_DIMS = 3
# Sectors of direction, each around one of the eight targets of the centre-out task.
_N_SECTORS = 8


@dataclass(frozen=True, eq=False)
class Projection:
    """A projection: standardised window · ``axes``, ``(bin · channel, latent)``."""

    standardise: Standardiser
    axes: Float32Array

    def __call__(self, dataset: Dataset) -> FloatArray:
        """Return latents ``(hop, latent)``."""
        latents = self.standardise.flat(dataset.windows) @ self.axes
        return latents.astype(np.float64)


def _fit_pca(train: Dataset, context: FitContext) -> Projection:
    """Fit principal axes of the windows."""
    standardise = fit_standardiser(train.windows)
    axes = _principal_axes(standardise.flat(train.windows))
    context.progress(1.0)
    return Projection(standardise, axes)


def _fit_lda(train: Dataset, context: FitContext) -> Projection:
    """Fit Fisher's discriminants; the covariance is shrunk as in Ledoit & Wolf 2004.

    Without shrinkage the covariance of a window's thousand features is nearly singular.
    """
    sectors = _sectors(train.labels)
    if np.unique(sectors).size <= _DIMS:
        raise SessionError(
            f"lda: the training trials have {np.unique(sectors).size} reach directions, and "
            f"{_DIMS} discriminants need {_DIMS + 1}: leave lda out for this session"
        )
    standardise = fit_standardiser(train.windows)
    lda = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto", n_components=_DIMS)
    lda.fit(standardise.flat(train.windows), sectors)
    context.progress(1.0)
    return Projection(standardise, lda.scalings_[:, :_DIMS].astype(np.float32))


def _fit_dpca(train: Dataset, context: FitContext) -> Projection:
    """Fit principal axes of the direction's part in the average course of a trial.

    This is the first step of demixed PCA (Kobak et al. 2016): averages over the training trials of
    a direction at a time in the trial, less the average over all directions at that time, weighted
    by their hops. The second step, an encoder apart from the decoder, is left out.
    """
    standardise = fit_standardiser(train.windows)
    features = standardise.flat(train.windows)
    time = (train.labels.end_ns - _first_end_ns(train.labels)) // context.step_ns
    of_direction = _averages(features, time * _N_SECTORS + _sectors(train.labels))
    axes = _principal_axes(of_direction - _averages(features, time))
    context.progress(1.0)
    return Projection(standardise, axes)


def _principal_axes(features: Float32Array) -> Float32Array:
    """Return the axes of greatest variance, ``(feature, latent)``."""
    covariance: FloatArray = np.cov(features, rowvar=False)
    _, axes = np.linalg.eigh(covariance)
    return axes[:, -_DIMS:].astype(np.float32)


def _sectors(labels: Labels) -> Int64Array:
    """Return directions as the number of the nearest of eight."""
    sectors = np.rint(labels.direction_deg * (_N_SECTORS / 360)) % _N_SECTORS
    return sectors.astype(np.int64)


def _first_end_ns(labels: Labels) -> Int64Array:
    """Return the end of the first hop in each hop's trial, ``(hop,)``."""
    _, first, trial = np.unique(labels.trial, return_index=True, return_inverse=True)
    first_end_ns: Int64Array = labels.end_ns[first][trial]
    return first_end_ns


def _averages(features: Float32Array, condition: Int64Array) -> Float32Array:
    """Return each hop's features replaced by the average of its condition."""
    _, row, hops = np.unique(condition, return_inverse=True, return_counts=True)
    totals = np.zeros((hops.size, features.shape[1]), dtype=np.float32)
    np.add.at(totals, row, features)
    totals /= hops[:, None]
    return totals[row]


PCA = Method("pca", _DIMS, _fit_pca)
LDA = Method("lda", _DIMS, _fit_lda, by_direction=True)
DPCA = Method("dpca", _DIMS, _fit_dpca, by_direction=True)
