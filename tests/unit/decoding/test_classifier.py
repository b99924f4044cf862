"""The classifier gives the softmax of latents and their products, and zeros for no latent."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rt_ner.decoding.readouts.classifier import Classifier, classes_problem, features_of, n_features

NAMES = ("idle", "left", "right")


@pytest.fixture
def classifier(rng: np.random.Generator) -> Classifier:
    return Classifier(rng.normal(size=(9, 3)), rng.normal(size=3), NAMES, "choice")


def test_probabilities_are_the_softmax_of_the_features(
    classifier: Classifier, rng: np.random.Generator
) -> None:
    latents = rng.normal(size=(50, 3)).astype(np.float32)
    logits = features_of(latents) @ classifier.matrix + classifier.bias
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(classifier.classify_all(latents), expected, rtol=1e-6, atol=1e-7)


@given(arrays(np.float32, 3, elements=st.floats(width=32)))
def test_any_latent_gives_probabilities_or_zeros(latent: np.ndarray) -> None:
    weights = np.random.default_rng(0).normal(size=(9, 3))
    (probabilities,) = Classifier(weights, np.zeros(3), NAMES, "choice").classify_all(latent[None])
    assert np.isfinite(probabilities).all()
    assert probabilities.sum() == pytest.approx(float(np.isfinite(latent).all()), abs=1e-6)


def test_features_are_latents_and_their_products() -> None:
    assert features_of(np.array([[2, 3]], dtype=np.float32)).tolist() == [[2, 3, 4, 6, 9]]
    assert [n_features(n) for n in (1, 2, 3)] == [2, 5, 9]


def test_names_of_classes_are_checked(classifier: Classifier) -> None:
    assert classes_problem(NAMES) == ""
    assert "1 classes" in classes_problem(NAMES[:1])
    assert "17 classes" in classes_problem([str(k) for k in range(17)])
    assert "name of its own" in classes_problem(("a", ""))
    assert repr(classifier) == "<Classifier of choice: idle, left, right>"
