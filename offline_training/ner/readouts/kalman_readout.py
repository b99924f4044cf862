"""Fit a Kalman filter of the outputs, in its steady state, as a readout of latents.

It costs as little as the linear readout at every hop, and replaces it where the settings say so.
Fitted to binned counts instead of latents it is the field's standard, which NER is compared with.
"""

import numpy as np
from scipy.linalg import solve_discrete_are

from offline_training.ner.sampling import rows_a_step_apart
from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.offline.labels import Labels

# Part of the noise's own variance that is added to it, so that it can be inverted.
_RIDGE = 1e-3
# Hops farther apart are taken to have no noise in common.
_LONGEST_MEMORY_HOPS = 100


def fit_kalman(observed: AnyArray, labels: Labels, hop_ns: int, is_white: bool) -> Readout:
    """Fit the steady-state Kalman filter of the outputs to observations ``(hop, dimension)``.

    x(t) = A x(t−1) + w and z(t) = H x(t) + q, in steps of a hop (Wu et al. 2006; in its steady
    state, Malik et al. 2011). Set ``is_white`` if each hop's noise q is new, as that of consecutive
    bins is. The noise of overlapping windows repeats itself from hop to hop: it is then multiplied
    by the number of hops in which it does, so that no spike counts more than once.
    """
    seen = observed.astype(np.float64)
    values = labels.values
    before, after = rows_a_step_apart(labels, hop_ns)
    dynamics, wander = _gaussian(values[before], values[after])
    centred = seen - seen.mean(axis=0)
    moved = values - values.mean(axis=0)
    tuning, noise = _gaussian(moved, centred)
    if not is_white:
        noise = noise * _hops_alike(centred - moved @ tuning.T, labels)
    noise += np.eye(len(noise)) * max(_RIDGE * float(np.trace(noise)) / len(noise), 1e-9)
    gain = _steady_gain(dynamics, wander, tuning, noise)
    memory = dynamics - gain @ tuning @ dynamics
    # The model holds for deviations from the means, which the bias takes up.
    mean = values.mean(axis=0)
    bias = mean - memory @ mean - gain @ seen.mean(axis=0)
    return Readout(gain.T, bias, labels.outputs, memory.T)


def _hops_alike(noise: FloatArray, labels: Labels) -> float:
    """Return the hops in which noise ``(hop, dimension)`` repeats: its autocorrelation, summed."""
    power, total = np.square(noise).sum(), 1.0
    for lag in range(1, _LONGEST_MEMORY_HOPS):
        same = labels.trial[lag:] == labels.trial[:-lag]
        alike = float((noise[lag:][same] * noise[:-lag][same]).sum() / power)
        if alike <= 0:
            break
        total += 2 * alike
    return total


def _gaussian(inputs: FloatArray, outputs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Fit outputs = matrix · inputs + noise by least squares; return matrix and covariance."""
    weights = np.linalg.lstsq(inputs, outputs, rcond=None)[0].astype(np.float64)
    return weights.T, np.atleast_2d(np.cov((outputs - inputs @ weights).T))


def _steady_gain(
    dynamics: FloatArray, wander: FloatArray, tuning: FloatArray, noise: FloatArray
) -> FloatArray:
    """Return the gain ``(state, observation)`` that a Kalman filter settles at."""
    predicted = solve_discrete_are(dynamics.T, tuning.T, wander, noise)
    observed = tuning @ predicted @ tuning.T + noise
    gain = np.linalg.solve(observed, tuning @ predicted).T
    return np.asarray(gain, dtype=np.float64)
