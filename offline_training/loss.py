"""The exact NER loss in O(N² log N), value and gradient in one parallel kernel.

For N anchors with labels, each with a partner that takes its label, and the 2N embeddings v::

    loss = −1/(2N(2N−1)) Σᵢ Σ_{j≠i} [ s(i,j) − log Σ_{k≠i, d(i,k) ≥ d(i,j)} exp s(i,k) ]
    s(i,j) = −‖vᵢ − vⱼ‖₂ / temperature,     d = distance of the labels

(Neural Embeddings Rank, NeurIPS 2024; a ranking loss as Rank-N-Contrast, Zha et al. 2023.) Taken
literally that is O(N³). Here each row is sorted by d once; a running log-sum-exp from the
farthest label inwards gives every inner sum, ties sharing the last value, and a second one from
the nearest outwards gives every gradient.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numba import njit, prange

from rt_ner.arrays import FloatArray, Int64Array


def ner_loss(
    embeddings: torch.Tensor, label_distance: FloatArray, temperature: float
) -> torch.Tensor:
    """NER loss of embeddings ``(2N, latent)``: N anchors, then their partners in the same order.

    ``label_distance``: ``(N, N)``, between the anchors' labels, zero on the diagonal.
    Differentiable in the embeddings. The kernel runs on the CPU whatever their device: they are
    small.
    """
    apply: Callable[..., torch.Tensor] = _NerLoss.apply
    return apply(embeddings, label_distance, temperature)


def label_distances(
    velocity_cm_s: FloatArray,
    direction_deg: FloatArray,
    velocity_scale: float,
    direction_scale: float,
) -> FloatArray:
    """Distances ``(N, N)`` of N labels: scaled L1 of velocity plus scaled circular direction."""
    speed_part = np.abs(velocity_cm_s[:, None] - velocity_cm_s[None]).sum(axis=-1)
    turn = np.abs(direction_deg[:, None] - direction_deg[None]) % 360.0
    distance: FloatArray = velocity_scale * speed_part
    distance += direction_scale * np.minimum(turn, 360.0 - turn)
    return distance


def value_and_gradient(
    embeddings: FloatArray, label_distance: FloatArray, temperature: float
) -> tuple[float, FloatArray]:
    """The loss and its gradient ``(2N, latent)``. At coinciding embeddings a subgradient."""
    n_embeddings = len(embeddings)
    row_loss = np.empty(n_embeddings)
    # How strongly each pair is pulled together, a row an embedding.
    pull = np.empty((n_embeddings, n_embeddings))
    _rows(embeddings, label_distance, temperature, row_loss, pull)
    pull += pull.T.copy()
    gradient = pull.sum(axis=1)[:, None] * embeddings - pull @ embeddings
    n_terms = n_embeddings * (n_embeddings - 1)
    return float(row_loss.sum()) / n_terms, gradient / n_terms


class _NerLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, embeddings: torch.Tensor, label_distance: FloatArray, temperature: float
    ) -> torch.Tensor:
        plain = embeddings.detach().to("cpu", torch.float64).numpy()
        value, gradient = value_and_gradient(plain, label_distance, temperature)
        ctx.gradient = torch.from_numpy(gradient).to(embeddings)
        return embeddings.new_tensor(value)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return ctx.gradient * grad_outputs[0], None, None


@njit(cache=True)
def _log_sums_inwards(
    similarity: FloatArray,
    order: Int64Array,
    distance: FloatArray,
    own: int,
    log_sums: FloatArray,
) -> None:
    """Log Σ exp s over all that are at least as far, for each position in ``order``."""
    n_anchors = order.size
    largest, scaled_sum = -np.inf, 0.0
    last = n_anchors
    while last > 0:
        first = last
        while first > 0 and distance[order[first - 1]] == distance[order[last - 1]]:
            first -= 1
            for member in (order[first], order[first] + n_anchors):
                if member == own:
                    continue
                if similarity[member] <= largest:
                    scaled_sum += math.exp(similarity[member] - largest)
                else:
                    scaled_sum = scaled_sum * math.exp(largest - similarity[member]) + 1.0
                    largest = similarity[member]
        log_sums[first:last] = largest + math.log(scaled_sum)
        last = first


@njit(cache=True)
def _pulls_outwards(
    similarity: FloatArray,
    order: Int64Array,
    distance: FloatArray,
    own: int,
    log_sums: FloatArray,
    pull: FloatArray,
) -> float:
    """The row's loss; into ``pull`` its derivative by each similarity, with the sign turned.

    d loss / d s(i,k) = −1 + exp s(i,k) · Σ_{j: d(i,j) ≤ d(i,k)} exp −L(i,j). The sum is kept
    relative to its newest and largest term, which makes every exponent at most zero.
    """
    n_anchors = order.size
    loss, relative_sum = 0.0, 0.0
    first = 0
    while first < n_anchors:
        last = first
        n_members = 0
        while last < n_anchors and distance[order[last]] == distance[order[first]]:
            n_members += 1 if own in (order[last], order[last] + n_anchors) else 2
            last += 1
        if first > 0:
            relative_sum *= math.exp(log_sums[first] - log_sums[first - 1])
        relative_sum += n_members
        for position in range(first, last):
            for member in (order[position], order[position] + n_anchors):
                if member == own:
                    pull[member] = 0.0
                    continue
                gap = similarity[member] - log_sums[first]
                loss -= gap
                pull[member] = 1.0 - relative_sum * math.exp(gap)
        first = last
    return loss


@njit(parallel=True, cache=True)
def _rows(
    embeddings: FloatArray,
    label_distance: FloatArray,
    temperature: float,
    row_loss: FloatArray,
    pull: FloatArray,
) -> None:
    """Loss and pulls of every row; an anchor and its partner share one sorting."""
    n_anchors = len(label_distance)
    n_embeddings, n_latents = embeddings.shape
    for anchor in prange(n_anchors):
        order = np.argsort(label_distance[anchor])
        log_sums = np.empty(n_anchors)
        similarity = np.empty(n_embeddings)
        for own in range(anchor, n_embeddings, n_anchors):
            for other in range(n_embeddings):
                squared = 0.0
                for latent in range(n_latents):
                    squared += (embeddings[own, latent] - embeddings[other, latent]) ** 2
                similarity[other] = -math.sqrt(squared) / temperature
            distance = label_distance[anchor]
            _log_sums_inwards(similarity, order, distance, own, log_sums)
            row_loss[own] = _pulls_outwards(similarity, order, distance, own, log_sums, pull[own])
            for other in range(n_embeddings):
                # d s / d v = −(vᵢ − vⱼ) / (temperature² · −s)
                steepness = -similarity[other] * temperature * temperature
                pull[own, other] = pull[own, other] / steepness if steepness > 0.0 else 0.0
