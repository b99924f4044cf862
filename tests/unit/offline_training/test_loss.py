"""The exact loss against the formula, taken literally."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from offline_training.ner.loss import label_distances, ner_loss, value_and_gradient


def literal_loss(
    embeddings: torch.Tensor, label_distance: np.ndarray, temperature: float
) -> torch.Tensor:
    """The loss term by term: O(N³)."""
    n = len(embeddings)
    n_anchors = n // 2
    total = embeddings.new_zeros(())

    def similarity(i: int, j: int) -> torch.Tensor:
        return -torch.linalg.vector_norm(embeddings[i] - embeddings[j]) / temperature

    def distance(i: int, j: int) -> float:
        return float(label_distance[i % n_anchors, j % n_anchors])

    for i in range(n):
        others = [k for k in range(n) if k != i]
        similar = {k: similarity(i, k) for k in others}
        for j in others:
            farther = [similar[k] for k in others if distance(i, k) >= distance(i, j)]
            total = total + similar[j] - torch.logsumexp(torch.stack(farther), 0)
    return -total / (n * (n - 1))


def literal_value_and_gradient(
    embeddings: np.ndarray, label_distance: np.ndarray, temperature: float
) -> tuple[float, np.ndarray]:
    tensor = torch.tensor(embeddings, dtype=torch.float64, requires_grad=True)
    loss = literal_loss(tensor, label_distance, temperature)
    (gradient,) = torch.autograd.grad(loss, tensor)
    return loss.item(), gradient.numpy()


@given(
    n_anchors=st.integers(2, 7),
    n_latents=st.integers(1, 4),
    n_levels=st.integers(1, 8),
    spread=st.sampled_from([0.01, 1.0, 30.0]),
    temperature=st.floats(0.1, 5.0),
    seed=st.integers(0, 2**20),
)
def test_value_and_gradient_equal_the_literal_loop(
    n_anchors: int, n_latents: int, n_levels: int, spread: float, temperature: float, seed: int
) -> None:
    """Few label levels make many ties; one level makes everything tie."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_levels, n_anchors).astype(float)
    distance = np.abs(labels[:, None] - labels[None])
    embeddings = spread * rng.normal(size=(2 * n_anchors, n_latents))
    value, gradient = value_and_gradient(embeddings, distance, temperature)
    expected_value, expected_gradient = literal_value_and_gradient(
        embeddings, distance, temperature
    )
    assert value == pytest.approx(expected_value, rel=1e-9, abs=1e-12)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-7, atol=1e-12)


def test_embeddings_far_apart_neither_overflow_nor_vanish(rng: np.random.Generator) -> None:
    embeddings = 1e4 * rng.normal(size=(12, 3))
    distance = np.abs(np.arange(6.0)[:, None] - np.arange(6.0)[None])
    value, gradient = value_and_gradient(embeddings, distance, 0.05)
    expected_value, expected_gradient = literal_value_and_gradient(embeddings, distance, 0.05)
    assert value == pytest.approx(expected_value, rel=1e-9)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-6, atol=1e-12)


def test_coinciding_embeddings_have_a_finite_gradient() -> None:
    value, gradient = value_and_gradient(np.zeros((6, 3)), np.zeros((3, 3)), 1.0)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


def test_torch_sees_the_same_value_and_gradient(rng: np.random.Generator) -> None:
    embeddings = torch.tensor(rng.normal(size=(8, 3)), requires_grad=True)
    distance = rng.random((4, 4))
    distance = distance + distance.T
    np.fill_diagonal(distance, 0)
    loss = ner_loss(embeddings, distance, 0.7)
    (2 * loss).backward()
    value, gradient = value_and_gradient(embeddings.detach().numpy(), distance, 0.7)
    assert loss.item() == pytest.approx(value)
    assert embeddings.grad is not None
    np.testing.assert_allclose(embeddings.grad.numpy(), 2 * gradient)


def test_embeddings_in_the_order_of_their_labels_lose_less(rng: np.random.Generator) -> None:
    """The loss does its job: latents rank as the labels rank."""
    labels = np.arange(20.0)
    distance = np.abs(labels[:, None] - labels[None])
    ordered = np.concatenate([labels, labels])[:, None]
    shuffled = rng.permutation(ordered)
    assert (
        value_and_gradient(ordered, distance, 1.0)[0]
        < value_and_gradient(shuffled, distance, 1.0)[0]
    )


def test_label_distance_is_l1_of_velocity_plus_circular_direction() -> None:
    distance = label_distances(
        np.array([[0.0, 0.0], [3.0, -4.0]]), np.array([350.0, 20.0]), 2.0, 0.1
    )
    np.testing.assert_allclose(distance, [[0, 2 * 7 + 0.1 * 30], [2 * 7 + 0.1 * 30, 0]])
