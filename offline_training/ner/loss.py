"""Compute the exact NER loss and its gradient in O(N² log N).

For N anchors with labels, each with a partner that takes its label, and the 2N embeddings v::

    loss = −1/(2N(2N−1)) Σᵢ Σ_{j≠i} [ s(i,j) − log Σ_{k≠i, d(i,k) ≥ d(i,j)} exp s(i,k) ]
    s(i,j) = −‖vᵢ − vⱼ‖₂ / temperature,     d = distance of the labels

(Neural Embeddings Rank, NeurIPS 2024; a ranking loss like Rank-N-Contrast, Zha et al. 2023.) Taken
literally that is O(N³). Here each row is sorted by d once, in one order for an anchor and its
partner. A running sum of exp s from the farthest label inwards gives every inner sum, where ties
share the last value. A running sum of their inverses from the nearest label outwards gives every
gradient. Exponentials are kept relative to a reference that rises along the row, so that nothing
overflows or vanishes, however far apart embeddings lie. NumPy takes exponentials and logarithms of
many rows at once, which makes it fast.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.compiled.njit import njit, prange

# Blocks of rows fit a core's cache. Their gradients are summed in a fixed order, however many
# threads there are, so that the same seed gives the same bits.
_BLOCK, _LANES = 64, 8
# A similarity that exceeds the reference by more than this becomes the reference.
_HEADROOM = 100.0


def ner_loss(
    embeddings: torch.Tensor, label_distance: FloatArray, temperature: float, first: int = 0
) -> torch.Tensor:
    """Return the loss of embeddings ``(2N, latent)``: N anchors, then their partners in order.

    ``label_distance`` is ``(N, N)``, between the anchors' labels, and zero on the diagonal. Of
    fewer rows, from anchor ``first`` on, the loss is their part of the sum over i. It is
    differentiable in the embeddings. They are small, so the kernel runs on the CPU, whatever their
    device.
    """
    apply: Callable[..., torch.Tensor] = _NerLoss.apply
    return apply(embeddings, label_distance, temperature, first)


@njit(parallel=True, cache=True)
def label_distances(
    values: FloatArray,
    direction_deg: FloatArray,
    value_scale: float,
    direction_scale: float,
) -> FloatArray:
    """Return distances ``(N, N)`` of labels: L1 of values plus circular direction, scaled.

    From a direction to none (NaN), at rest, is a quarter turn.
    """
    n = len(values)
    distance = np.empty((n, n))
    for row in prange(n):
        for column in range(n):
            change = abs(values[row, 0] - values[column, 0])
            for output in range(1, values.shape[1]):
                change += abs(values[row, output] - values[column, output])
            distance[row, column] = value_scale * change
            distance[row, column] += direction_scale * _turn_deg(
                direction_deg[row], direction_deg[column]
            )
    return distance


@njit(cache=True)
def _turn_deg(one: float, other: float) -> float:
    """Return the angle between two directions, from 0 to 180 degrees."""
    if np.isnan(one) or np.isnan(other):
        return 0.0 if np.isnan(one) and np.isnan(other) else 90.0
    turn_deg = abs(one - other) % 360.0
    return min(turn_deg, 360.0 - turn_deg)


def value_and_gradient(
    embeddings: FloatArray, label_distance: FloatArray, temperature: float, first: int = 0
) -> tuple[float, FloatArray]:
    """Return the loss and its gradient ``(2N, latent)``; subgradient where embeddings meet."""
    scaled = embeddings / temperature
    n_embeddings = len(scaled)
    order = np.argsort(label_distance, axis=1)
    total = 0.0
    gradients = np.zeros((_LANES, *scaled.shape))
    for begin in range(0, len(order), _BLOCK):
        block = order[begin : begin + _BLOCK]
        first_tie = _first_ties(label_distance[begin : begin + _BLOCK], block)
        own = first + begin
        exponentials, reference, similarity = _similarities(scaled, own, block, first_tie)
        np.exp(exponentials, out=exponentials)
        sums = _sums_inwards(exponentials, reference, first_tie)
        log_sums = np.log(sums) + reference
        # Each position holds an anchor and its partner; the nearest also holds the row itself.
        total += 2 * log_sums.sum() - log_sums[:, 0].sum() - similarity.sum()
        inverse = _inverse_sums_outwards(sums, reference, first_tie)
        _add_gradients(scaled, own, block, exponentials, inverse, gradients)
    n_terms = n_embeddings * (n_embeddings - 1)
    return float(total) / n_terms, gradients.sum(axis=0) / (n_terms * temperature)


class _NerLoss(torch.autograd.Function):
    """The loss as a torch function whose gradient the kernel gives."""

    @staticmethod
    def forward(
        ctx: Any, embeddings: torch.Tensor, label_distance: FloatArray, *how: Any
    ) -> torch.Tensor:
        plain = embeddings.detach().to("cpu", torch.float64).numpy()
        value, gradient = value_and_gradient(plain, label_distance, *how)
        ctx.gradient = torch.from_numpy(gradient).to(embeddings)
        return embeddings.new_tensor(value)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        return ctx.gradient * grad_outputs[0], None, None, None


@njit(cache=True)
def _first_ties(distance: FloatArray, order: Int64Array) -> Int64Array:
    """Return, for each position of each order, the first one with the same distance."""
    first_tie = np.zeros_like(order)
    for row in range(len(order)):
        for position in range(1, order.shape[1]):
            tied = distance[row, order[row, position]] == distance[row, order[row, position - 1]]
            first_tie[row, position] = first_tie[row, position - 1] if tied else position
    return first_tie


@njit(parallel=True, cache=True)
def _similarities(
    scaled: FloatArray, first: int, order: Int64Array, first_tie: Int64Array
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return a block's similarities less their references, the references, and the row sums.

    Rows are the block's anchors and then their partners. Columns are in the order of the labels'
    distance, an anchor and its partner side by side; the row's own column is minus infinity.
    """
    n_rows, n_anchors = order.shape
    relative = np.empty((2 * n_rows, 2 * n_anchors))
    reference = np.empty((2 * n_rows, n_anchors))
    row_sum = np.zeros(2 * n_rows)
    for row in prange(2 * n_rows):
        anchor = row % n_rows
        own = first + anchor + (row // n_rows) * n_anchors
        current, largest, last = -np.inf, -np.inf, n_anchors
        for position in range(n_anchors - 1, -1, -1):
            for half in range(2):
                other = order[anchor, position] + half * n_anchors
                if other == own:
                    relative[row, 2 * position + half] = -np.inf
                    continue
                squared = 0.0
                for latent in range(scaled.shape[1]):
                    squared += (scaled[own, latent] - scaled[other, latent]) ** 2
                similarity = -math.sqrt(squared)
                relative[row, 2 * position + half] = similarity
                row_sum[row] += similarity
                largest = max(largest, similarity)
            if first_tie[anchor, position] == position:
                # All ties share one reference.
                if largest > current + _HEADROOM:
                    current = largest
                reference[row, position:last] = current
                relative[row, 2 * position : 2 * last] -= current
                last = position
    return relative, reference, row_sum


@njit(parallel=True, cache=True)
def _sums_inwards(
    exponentials: FloatArray, reference: FloatArray, first_tie: Int64Array
) -> FloatArray:
    """Return Σ exp s over all at least as far, for each position, relative to its reference."""
    n_anchors = first_tie.shape[1]
    sums = np.empty_like(reference)
    for row in prange(len(reference)):
        ties = first_tie[row % len(first_tie)]
        total, last = 0.0, n_anchors
        for position in range(n_anchors - 1, -1, -1):
            if position < n_anchors - 1 and reference[row, position] > reference[row, position + 1]:
                total *= math.exp(reference[row, position + 1] - reference[row, position])
            total += exponentials[row, 2 * position] + exponentials[row, 2 * position + 1]
            if ties[position] == position:
                sums[row, position:last] = total
                last = position
    return sums


@njit(parallel=True, cache=True)
def _inverse_sums_outwards(
    sums: FloatArray, reference: FloatArray, first_tie: Int64Array
) -> FloatArray:
    """Return Σ 1 / sum over all pairs at most as far, relative to each position's reference.

    d loss / d s(i,k) = −1 + exp s(i,k) · Σ_{j: d(i,j) ≤ d(i,k)} exp −L(i,j), L the log of a sum.
    """
    n_anchors = first_tie.shape[1]
    inverse = np.empty_like(sums)
    for row in prange(len(sums)):
        ties = first_tie[row % len(first_tie)]
        total, begin = 0.0, 0
        while begin < n_anchors:
            end = begin + 1
            while end < n_anchors and ties[end] == begin:
                end += 1
            if begin > 0 and reference[row, begin] < reference[row, begin - 1]:
                total *= math.exp(reference[row, begin] - reference[row, begin - 1])
            n_pairs = 2 * (end - begin) - (begin == 0)
            total += n_pairs / sums[row, begin]
            inverse[row, begin:end] = total
            begin = end
    return inverse


@njit(parallel=True, cache=True)
def _add_gradients(
    scaled: FloatArray,
    first: int,
    order: Int64Array,
    exponentials: FloatArray,
    inverse: FloatArray,
    gradients: FloatArray,
) -> None:
    """Add a block's gradient by ``scaled``, each lane to its own ``(embedding, latent)``."""
    n_rows, n_anchors = order.shape
    n_latents = scaled.shape[1]
    for lane in prange(len(gradients)):
        for row in range(lane, 2 * n_rows, len(gradients)):
            anchor = row % n_rows
            own = first + anchor + (row // n_rows) * n_anchors
            for column in range(2 * n_anchors):
                other = order[anchor, column // 2] + (column % 2) * n_anchors
                squared = 0.0
                for latent in range(n_latents):
                    squared += (scaled[own, latent] - scaled[other, latent]) ** 2
                if squared == 0.0:
                    continue
                pull = 1.0 - inverse[row, column // 2] * exponentials[row, column]
                pull /= math.sqrt(squared)
                for latent in range(n_latents):
                    step = pull * (scaled[own, latent] - scaled[other, latent])
                    gradients[lane, own, latent] += step
                    gradients[lane, other, latent] -= step
