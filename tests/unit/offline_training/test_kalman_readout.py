"""The Kalman readout: the filter that its own recursion comes to, fitted without torch or ONNX."""

import importlib
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offline_training.ner.readouts.kalman_readout import fit_kalman
from rt_ner.offline.labels import Labels

HOP_NS = 10_000_000


def observed_reaches(n_dimensions: int, noise: float, seed: int) -> tuple[np.ndarray, Labels]:
    """A velocity that wanders, 20 trials of 50 hops, and noisy linear observations of it."""
    rng = np.random.default_rng(seed)
    velocity = np.zeros((1000, 2))
    for hop in range(1, len(velocity)):
        velocity[hop] = 0.95 * velocity[hop - 1] + rng.normal(size=2)
    observed = velocity @ rng.normal(size=(2, n_dimensions))
    observed += noise * rng.normal(size=observed.shape)
    end_ns = np.arange(1, 1001, dtype=np.int64) * HOP_NS
    return observed, Labels(end_ns, velocity, np.zeros(1000), np.repeat(np.arange(20), 50))


def settled_filter(observed: np.ndarray, labels: Labels) -> tuple[np.ndarray, np.ndarray]:
    """Gain and memory after many steps of prediction and correction, as Wu et al. write them."""
    x = labels.values
    same = labels.trial[1:] == labels.trial[:-1]
    before, after = x[:-1][same], x[1:][same]
    A = np.linalg.lstsq(before, after, rcond=None)[0].T  # noqa: N806
    W = np.cov((after - before @ A.T).T)  # noqa: N806
    x, z = x - x.mean(axis=0), observed - observed.mean(axis=0)
    H = np.linalg.lstsq(x, z, rcond=None)[0].T  # noqa: N806
    Q = np.atleast_2d(np.cov((z - x @ H.T).T))  # noqa: N806
    Q = Q + np.eye(len(Q)) * 1e-3 * np.trace(Q) / len(Q)  # noqa: N806
    P = W  # noqa: N806
    for _ in range(3000):
        P = A @ P @ A.T + W  # noqa: N806
        K = P @ H.T @ np.linalg.inv(H @ P @ H.T + Q)  # noqa: N806
        P = (np.eye(2) - K @ H) @ P  # noqa: N806
    return K, A - K @ H @ A


@settings(max_examples=10)
@given(st.sampled_from([1, 2, 3, 16]), st.sampled_from([0.3, 3.0, 30.0]), st.integers(0, 1000))
def test_it_is_the_filter_that_the_recursion_settles_at(
    n_dimensions: int, noise: float, seed: int
) -> None:
    observed, labels = observed_reaches(n_dimensions, noise, seed)
    readout = fit_kalman(observed, labels, HOP_NS, is_white=True)
    gain, memory = settled_filter(observed, labels)
    np.testing.assert_allclose(readout.matrix, gain.T, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(readout.memory, memory.T, rtol=1e-6, atol=1e-9)


def test_a_rig_without_torch_or_onnx_can_fit_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("offline_training")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("torch", "onnx", "sklearn", "matplotlib"):
        monkeypatch.setitem(sys.modules, name, None)
    module = importlib.import_module("offline_training.ner.readouts.kalman_readout")
    observed, labels = observed_reaches(2, 1.0, 0)
    assert module.fit_kalman(observed, labels, HOP_NS, is_white=True).memory.any()
