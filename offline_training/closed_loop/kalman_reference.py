"""Kalman reference: the field's standard, a velocity Kalman filter on binned counts, as a bundle.

In the very decoder that runs NER: its encoder hands on the newest counts, its readout is the filter
in its steady state. Counts of bins of 50 ms, one after the other, as published (Gilja et al. 2012):
in the loop that was better here than hops of 10 ms, and than square roots of counts.
"""

import numpy as np
from onnx import helper, numpy_helper

from offline_training.dataset import Dataset
from offline_training.graph import encoder_file
from offline_training.sampling import rows_a_step_apart
from rt_ner.arrays import FloatArray
from rt_ner.encoder import INPUT_NAME, OUTPUT_NAME
from rt_ner.readout import Readout

_STEPS = 3000
# So much of the counts' own variance is added to the noise, so that it can be inverted.
_RIDGE = 1e-3


def counts_encoder(n_bins: int, n_channels: int) -> bytes:
    """An ONNX graph that gives the newest bin's counts."""
    newest = {"begin": n_bins - 1, "end": n_bins, "axis": 1}
    constants = [numpy_helper.from_array(np.array([value]), name) for name, value in newest.items()]
    nodes = [
        helper.make_node("Slice", [INPUT_NAME, *newest], ["newest"]),
        helper.make_node("Flatten", ["newest"], [OUTPUT_NAME], axis=1),
    ]
    return encoder_file(nodes, constants, (n_bins, n_channels), n_channels)


def fit_kalman(train: Dataset, hop_ns: int) -> Readout:
    """The steady-state filter of velocity from the counts of bins that follow one another.

    x(t) = A x(t−1) + w, z(t) = H x(t) + q, in steps of a hop (Wu et al. 2006; in its steady state,
    Malik et al. 2011).
    """
    counts = train.windows[:, -1].astype(np.float64)
    velocity = train.labels.velocity_cm_s
    before, after = rows_a_step_apart(train.labels, hop_ns)
    dynamics, wander = _gaussian(velocity[before], velocity[after])
    centred = counts - counts.mean(axis=0)
    moved = velocity - velocity.mean(axis=0)
    tuning, noise = _gaussian(moved, centred)
    noise += np.eye(len(noise)) * max(_RIDGE * float(np.trace(noise)) / len(noise), 1e-9)
    gain = _steady_gain(dynamics, wander, tuning, noise)
    memory = dynamics - gain @ tuning @ dynamics
    # At rest the filter is to stay at the mean velocity: what is not about it goes to the bias.
    mean = velocity.mean(axis=0)
    bias = mean - memory @ mean - gain @ counts.mean(axis=0)
    return Readout(gain.T, bias, memory=memory.T)


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
