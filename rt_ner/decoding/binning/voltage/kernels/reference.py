"""Subtract from each channel of a bank what the bank's channels have in common."""

from typing import NamedTuple

import numpy as np

from rt_ner.core.arrays import BoolArray, FloatArray
from rt_ner.core.compiled.njit import njit

# In the order of `ReferenceKind`.
NONE, AVERAGE, MEDIAN, REGRESSION = range(4)
# Added to each channel's own power, so that channels that are copies of each other can be solved.
_RIDGE = 1e-6


class Reference(NamedTuple):
    """A learned reference.

    ``kind`` is one of the above, ``bank`` the number of columns in a bank. ``used`` ``(channel,)``
    is false for dead channels, which neither have a reference nor belong to one. ``weights``
    ``(channel, bank)`` are the regression's, 1 for the channel itself. ``scratch`` is ``(bank,)``.
    """

    kind: int
    bank: int
    used: BoolArray
    weights: FloatArray
    scratch: FloatArray


@njit(cache=True)
def subtract_reference(values: FloatArray, reference: Reference) -> None:
    """Subtract the reference from one sample ``(channel,)``, bank by bank."""
    for first in range(0, values.size, reference.bank):
        last = min(first + reference.bank, values.size)
        n_used = 0
        for channel in range(first, last):
            if reference.used[channel]:
                reference.scratch[n_used] = values[channel]
                n_used += 1
        # One channel alone has nothing in common with others.
        if n_used < 2:
            continue
        if reference.kind == REGRESSION:
            _subtract_prediction(values, first, last, reference)
        else:
            level = _level(reference.scratch[:n_used], reference.kind)
            for channel in range(first, last):
                if reference.used[channel]:
                    values[channel] -= level


@njit(cache=True)
def _level(values: FloatArray, kind: int) -> float:
    """Return the average or the median; the values are sorted for the median."""
    if kind == AVERAGE:
        total = 0.0
        for value in values:
            total += value
        return total / values.size
    for k in range(1, values.size):
        value, at = values[k], k
        while at > 0 and values[at - 1] > value:
            values[at] = values[at - 1]
            at -= 1
        values[at] = value
    middle = values.size // 2
    if values.size % 2:
        return float(values[middle])
    return float((values[middle - 1] + values[middle]) / 2)


@njit(cache=True)
def _subtract_prediction(values: FloatArray, first: int, last: int, reference: Reference) -> None:
    reference.scratch[: last - first] = values[first:last]
    for channel in range(first, last):
        if reference.used[channel]:
            total = 0.0
            for k in range(last - first):
                total += reference.weights[channel, k] * reference.scratch[k]
            values[channel] = total


@njit(cache=True)
def subtract_references(samples: FloatArray, reference: Reference) -> None:
    """Subtract the reference, if there is one, from each sample ``(sample, channel)``."""
    if reference.kind == NONE:
        return
    for sample in range(samples.shape[0]):
        subtract_reference(samples[sample], reference)


@njit(cache=True)
def learn_reference(samples: FloatArray, reference: Reference) -> None:
    """Find the dead channels and, for a regression, its weights from samples ``(sample, channel)``.

    A channel is dead if it never moved. Nothing here is left to a linear algebra library, whose
    last bits may depend on its number of threads.
    """
    for channel in range(samples.shape[1]):
        reference.used[channel] = False
        for sample in range(samples.shape[0]):
            if samples[sample, channel] != 0:
                reference.used[channel] = True
                break
    if reference.kind == REGRESSION:
        for first in range(0, samples.shape[1], reference.bank):
            last = min(first + reference.bank, samples.shape[1])
            _learn_bank(samples, first, last, reference)


@njit(cache=True)
def _learn_bank(samples: FloatArray, first: int, last: int, reference: Reference) -> None:
    """Write the weights of a bank.

    With the inverse P of the channels' covariance, the regression of channel i on all others
    leaves the residual Σⱼ Pᵢⱼ xⱼ / Pᵢᵢ.
    """
    precision = _inverse(_covariance(samples, first, last, reference.used))
    for row in range(last - first):
        for column in range(last - first):
            weight = precision[row, column] / precision[row, row]
            reference.weights[first + row, column] = weight


@njit(cache=True)
def _covariance(samples: FloatArray, first: int, last: int, used: BoolArray) -> FloatArray:
    """Return the covariance of a bank's channels; dead ones have only a variance, of 1."""
    n = last - first
    sums = np.zeros((n, n))
    for sample in range(samples.shape[0]):
        for row in range(n):
            value = samples[sample, first + row]
            for column in range(row + 1):
                sums[row, column] += value * samples[sample, first + column]
    for row in range(n):
        for column in range(row):
            sums[column, row] = sums[row, column]
        sums[row, row] *= 1 + _RIDGE
        if not used[first + row]:
            sums[row, row] = 1.0
    return sums


@njit(cache=True)
def _inverse(matrix: FloatArray) -> FloatArray:
    """Return the inverse of a positive definite matrix, which takes no pivoting."""
    n = matrix.shape[0]
    inverse = np.eye(n)
    for pivot in range(n):
        scale = 1 / matrix[pivot, pivot]
        for column in range(n):
            matrix[pivot, column] *= scale
            inverse[pivot, column] *= scale
        for row in range(n):
            factor = matrix[row, pivot]
            if row != pivot and factor != 0:
                for column in range(n):
                    matrix[row, column] -= factor * matrix[pivot, column]
                    inverse[row, column] -= factor * inverse[pivot, column]
    return inverse
