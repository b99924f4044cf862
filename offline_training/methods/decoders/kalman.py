"""Decode outputs by a Kalman filter of binned counts (Wu, Gao, Bienenstock et al. 2006).

The state is the outputs and their change over a bin. Where a velocity is decoded, theirs includes
position, which sessions give only since each trial's start: a filter that knew it would know when a
trial began.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from offline_training.methods.method import FitContext, Method
from offline_training.ner.sampling import rows_a_step_apart
from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.compiled.njit import njit
from rt_ner.core.errors import SessionError
from rt_ner.decoding.encoding.normalisation import SD_FLOOR
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.labels import Labels
from rt_ner.offline.scores import r2_score

# Part of the training trials, the newest, by which the observation is chosen.
_VALIDATION = 0.2


@dataclass(frozen=True)
class Observation:
    """The observation of a filter, and so its step: ``n_bins`` of the window as one bin.

    The newest of them is ``lag`` bins old, because motor cortex leads the hand.
    """

    n_bins: int
    lag: int

    def roots(self, dataset: Dataset) -> FloatArray:
        """Return square roots of the counts, ``(hop, channel)``."""
        end = dataset.windows.shape[1] - self.lag
        counts = dataset.windows[:, end - self.n_bins : end].sum(axis=1, dtype=np.float64)
        roots: FloatArray = np.sqrt(counts)
        return roots


OBSERVATIONS = tuple(Observation(*choice) for choice in product((1, 2, 3, 4), (0, 1, 2, 3, 4)))


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A model y = ``matrix`` · x + noise, of mean zero and covariance ``noise``."""

    matrix: FloatArray
    noise: FloatArray


@dataclass(frozen=True, eq=False)
class KalmanFilter:
    """A filter of the state x in steps of ``step_ns`` from observations z, both less their means.

    ``dynamics`` is x(t) = A x(t−1) + w, w ~ N(0, W); ``tuning`` is z(t) = H x(t) + q, q ~ N(0, Q);
    ``prior`` is the covariance of x before the first step.
    """

    observation: Observation
    step_ns: int
    mean_root: FloatArray
    mean_state: FloatArray
    dynamics: Gaussian
    tuning: Gaussian
    prior: FloatArray

    def __call__(self, dataset: Dataset) -> FloatArray:
        """Return outputs ``(hop, output)``.

        Hops finer than a step share spikes with their neighbours, which one filter would count
        twice. So hops whole steps apart share a filter of their own. It runs on across the joins
        between trials, because a reset would tell that a trial begins.
        """
        weights = np.linalg.solve(self.tuning.noise, self.tuning.matrix)
        evidence = (self.observation.roots(dataset) - self.mean_root) @ weights
        information = self.tuning.matrix.T @ weights
        phase = dataset.labels.end_ns % self.step_ns
        states = np.zeros_like(evidence)
        for each in np.unique(phase):
            rows = np.flatnonzero(phase == each)
            states[rows] = _filter(
                evidence[rows], information, self.dynamics.matrix, self.dynamics.noise, self.prior
            )
        return (states + self.mean_state)[:, : states.shape[1] // 2]


def fit_filter(train: Dataset, observation: Observation, bin_ns: int) -> KalmanFilter:
    """Fit the filter in closed form: two regressions and the covariances of their residuals."""
    before = _rows_before(train.labels, bin_ns)
    known = before >= 0
    values = train.labels.values
    state = np.hstack([values, values - values[before]])[known]
    root = observation.roots(train)[known]
    x, z = state - state.mean(axis=0), root - root.mean(axis=0)
    step_ns = observation.n_bins * bin_ns
    before = _rows_before(train.labels.where(known), step_ns)
    dynamics = _regress(x[before[before >= 0]], x[before >= 0])
    tuning = _regress(x, z)
    # A silent channel has no noise, and its first spike would outweigh all others.
    np.fill_diagonal(tuning.noise, tuning.noise.diagonal() + SD_FLOOR**2)
    prior = x.T @ x / len(x)
    return KalmanFilter(
        observation, step_ns, root.mean(axis=0), state.mean(axis=0), dynamics, tuning, prior
    )


def _fit(train: Dataset, context: FitContext) -> KalmanFilter:
    """Choose the observation by the newest training trials, then fit to all of them."""
    trials = np.unique(train.labels.trial)
    is_newest = train.labels.trial >= trials[-max(1, round(_VALIDATION * trials.size))]
    older, newest = train.where(~is_newest), train.where(is_newest)
    n_bins = train.windows.shape[1]
    possible = [choice for choice in OBSERVATIONS if choice.n_bins + choice.lag <= n_bins]
    scores = []
    for choice in possible:
        decoded = fit_filter(older, choice, context.step_ns)(newest)
        scores.append(r2_score(newest.labels.values, decoded))
        context.progress(len(scores) / len(possible))
    return fit_filter(train, possible[int(np.argmax(scores))], context.step_ns)


def _rows_before(labels: Labels, step_ns: int) -> Int64Array:
    """Return each hop's row one step before in the same trial; −1 if there is none."""
    rows = np.full(len(labels), -1, dtype=np.int64)
    try:
        earlier, later = rows_a_step_apart(labels, step_ns)
    except SessionError as error:
        raise SessionError(f"kalman: {error}") from error
    rows[later] = earlier
    return rows


def _regress(x: FloatArray, y: FloatArray) -> Gaussian:
    """Fit y ``(time, …)`` to x ``(time, …)`` by least squares."""
    weights = np.linalg.lstsq(x, y, rcond=None)[0]
    residual = y - x @ weights
    return Gaussian(np.ascontiguousarray(weights.T), residual.T @ residual / len(y))


@njit(cache=True)
def _filter(
    evidence: FloatArray,
    information: FloatArray,
    transition: FloatArray,
    noise: FloatArray,
    prior: FloatArray,
) -> FloatArray:
    """Return filtered states ``(time, state)``, by the information form of the equations.

    ``evidence`` is HᵀQ⁻¹z, ``(time, state)``, and ``information`` is HᵀQ⁻¹H, so that no matrix of
    the size of the channels is inverted at each step.
    """
    states = np.zeros_like(evidence)
    state = np.zeros(evidence.shape[1])
    covariance = prior.copy()
    for time in range(len(evidence)):
        state = transition @ state
        predicted = transition @ covariance @ transition.T + noise
        covariance[:] = np.linalg.inv(np.linalg.inv(predicted) + information)
        state = state + covariance @ (evidence[time] - information @ state)
        states[time] = state
    return states


KALMAN = Method("kalman", 2, _fit, direct=True)
