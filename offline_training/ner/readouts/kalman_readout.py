"""Kalman readout: velocity from latents by a Kalman filter in its steady state.

The same constant cost as the linear readout, which it replaces where a training is told so. On
binned counts instead of latents it is the field's standard, which ours is held against.
"""

import numpy as np

from offline_training.ner.sampling import rows_a_step_apart
from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.decoding.readout import Readout
from rt_ner.offline.labels import Labels

_STEPS = 3000
# So much of the observations' own variance is added to the noise, so that it can be inverted.
_RIDGE = 1e-3
# Noise of neighbouring hops is taken to have nothing in common at a longer distance.
_LONGEST_MEMORY_HOPS = 100


def fit_kalman(observed: AnyArray, labels: Labels, hop_ns: int, is_white: bool) -> Readout:
    """The steady-state filter of velocity from what is observed, ``(hop, dimension)``.

    x(t) = A x(t−1) + w, z(t) = H x(t) + q, in steps of a hop (Wu et al. 2006; in its steady state,
    Malik et al. 2011). ``is_white``: the noise q of each hop is new, as that of bins that follow
    one another. That of overlapping windows is much the same from hop to hop: it is then taken as
    many times as large as there are hops in which it repeats itself, so that no spike counts more
    than once.
    """
    seen = observed.astype(np.float64)
    velocity = labels.velocity_cm_s
    before, after = rows_a_step_apart(labels, hop_ns)
    dynamics, wander = _gaussian(velocity[before], velocity[after])
    centred = seen - seen.mean(axis=0)
    moved = velocity - velocity.mean(axis=0)
    tuning, noise = _gaussian(moved, centred)
    if not is_white:
        noise = noise * _hops_alike(centred - moved @ tuning.T, labels)
    noise += np.eye(len(noise)) * max(_RIDGE * float(np.trace(noise)) / len(noise), 1e-9)
    gain = _steady_gain(dynamics, wander, tuning, noise)
    memory = dynamics - gain @ tuning @ dynamics
    # At rest the filter is to stay at the mean velocity: what is not about it goes to the bias.
    mean = velocity.mean(axis=0)
    bias = mean - memory @ mean - gain @ seen.mean(axis=0)
    return Readout(gain.T, bias, memory=memory.T)


def _hops_alike(noise: FloatArray, labels: Labels) -> float:
    """In how many hops noise ``(hop, dimension)`` repeats itself: its autocorrelations, summed."""
    power, total = np.square(noise).sum(), 1.0
    for lag in range(1, _LONGEST_MEMORY_HOPS):
        same = labels.trial[lag:] == labels.trial[:-lag]
        alike = float((noise[lag:][same] * noise[:-lag][same]).sum() / power)
        if alike <= 0:
            break
        total += 2 * alike
    return total


def _gaussian(inputs: FloatArray, outputs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Matrix and noise covariance of outputs = matrix · inputs + noise, by least squares."""
    weights = np.linalg.lstsq(inputs, outputs, rcond=None)[0].astype(np.float64)
    return weights.T, np.atleast_2d(np.cov((outputs - inputs @ weights).T))


def _steady_gain(
    dynamics: FloatArray, wander: FloatArray, tuning: FloatArray, noise: FloatArray
) -> FloatArray:
    """The Kalman gain that the filter's own recursion comes to."""
    state = wander
    weighted = np.linalg.solve(noise, tuning)
    information = tuning.T @ weighted
    for _ in range(_STEPS):
        predicted = dynamics @ state @ dynamics.T + wander
        state = np.linalg.inv(np.linalg.inv(predicted) + information)
    gain: FloatArray = state @ weighted.T
    return gain
