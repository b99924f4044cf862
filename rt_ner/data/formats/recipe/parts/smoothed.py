"""Recover spike counts from their convolution with a known Gaussian, trial by trial."""

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp, nnls

from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.recipe.schema import Smoothing

# Applied again, the kernel must give the stored numbers to this precision.
_EXACT = 1e-6
# A little weight on few spikes decides where the stored numbers leave a choice, at a trial's edges.
_FEW = 1e-9
_BOUNDS = Bounds(0, 60)


def recover_counts(smoothed: FloatArray, smoothing: Smoothing) -> AnyArray:
    """Return the counts ``(trial, bin, unit)`` of smoothed ones ``(trial, bin, unit)``.

    Each trial gets half a kernel's bins more at either end, from which spikes reach into it. Where
    least squares find no whole numbers, an integer program does. Raises SessionError if there are
    no counts that give the numbers.
    """
    n_trials, n_bins, n_units = smoothed.shape
    kernel = _matrix(n_bins, smoothing)
    counts = np.zeros((n_trials, kernel.shape[1], n_units), dtype=np.uint8)
    for trial in range(n_trials):
        for unit in range(n_units):
            counts[trial, :, unit] = _trace(kernel, smoothed[trial, :, unit])
    return counts


def _matrix(n_bins: int, smoothing: Smoothing) -> FloatArray:
    """Return the matrix ``(bin, bin with margins)`` that smooths the counts of a trial."""
    half = smoothing.taps // 2
    taps = np.exp(-0.5 * (np.arange(-half, half + 1) / smoothing.sigma_bins) ** 2)
    matrix = np.zeros((n_bins, n_bins + 2 * half))
    for row in range(n_bins):
        matrix[row, row : row + taps.size] = taps / taps.sum()
    return matrix


def _trace(kernel: FloatArray, smoothed: FloatArray) -> FloatArray:
    """Return the counts of one unit in one trial."""
    n = kernel.shape[1]
    rows = np.concatenate([kernel, _FEW * np.eye(n)])
    found, _ = nnls(rows, np.concatenate([smoothed, np.zeros(n)]), maxiter=100 * n)
    whole = np.rint(found)
    if _fits(kernel, whole, smoothed):
        return whole
    exact = LinearConstraint(kernel, smoothed - _EXACT / 10, smoothed + _EXACT / 10)
    whole_numbers = np.ones(n, dtype=np.int64)
    solved = milp(np.ones(n), integrality=whole_numbers, bounds=_BOUNDS, constraints=exact)
    if solved.x is None or not _fits(kernel, np.rint(solved.x), smoothed):
        raise SessionError(
            "no spike counts give these numbers when smoothed with a Gaussian of "
            f"{kernel.shape[1] - kernel.shape[0] + 1} taps: check taps and sigma_bins under "
            "[spikes.smoothing], and the number of bins per trial"
        )
    return np.asarray(np.rint(solved.x))


def _fits(kernel: FloatArray, counts: FloatArray, smoothed: FloatArray) -> bool:
    """Return True if the counts, smoothed, are the numbers."""
    return bool(np.abs(kernel @ counts - smoothed).max() <= _EXACT)
