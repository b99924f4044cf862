"""Classify latents: a multinomial logistic readout that gives a probability for each class.

It is fitted to the latents and their products. Rest is a point in the space of the latents, and
movement a shell around it, which no plane could part.
"""

from collections.abc import Sequence

import numpy as np

from rt_ner.core.arrays import Float32Array, FloatArray
from rt_ner.core.compiled.njit import njit

FEWEST_CLASSES, MOST_CLASSES = 2, 16


class Classifier:
    """A logistic readout: probabilities = softmax(features · ``matrix`` + ``bias``).

    The features are those of `features_of` a latent.

    Where nothing can be decoded, all probabilities are zero. No probability is higher than a
    threshold then, and their sum is not 1.

    Parameters
    ----------
    matrix
        Logits per unit of a feature, ``(feature, class)``.
    bias
        Logits at latent zero, ``(class,)``.
    classes
        Name of each class. If one of them is rest, it is the first, so that a program that takes
        the highest of equal probabilities takes rest.
    of
        The quantity that is classified, such as ``"direction"``.

    """

    def __init__(
        self, matrix: FloatArray, bias: FloatArray, classes: tuple[str, ...], of: str
    ) -> None:
        self.matrix = np.ascontiguousarray(matrix, dtype=np.float64)
        self.bias = np.ascontiguousarray(bias, dtype=np.float64)
        self.classes = classes
        self.of = of
        self._logits: FloatArray = np.zeros(len(classes))

    def __repr__(self) -> str:
        return f"<Classifier of {self.of}: {', '.join(self.classes)}>"

    def classify(self, latent: Float32Array, probabilities: Float32Array) -> None:
        """Write the probabilities ``(class,)`` of a latent; zeros if it is not finite."""
        _classify(latent, self.matrix, self.bias, self._logits, probabilities)

    def classify_all(self, latents: Float32Array) -> Float32Array:
        """Return the probabilities ``(case, class)`` of latents ``(case, latent)``."""
        probabilities = np.zeros((len(latents), len(self.classes)), dtype=np.float32)
        for latent, row in zip(latents, probabilities, strict=True):
            self.classify(latent, row)
        return probabilities


def n_features(n_latents: int) -> int:
    """Return the number of features of so many latents."""
    return n_latents + n_latents * (n_latents + 1) // 2


def features_of(latents: Float32Array) -> FloatArray:
    """Return latents ``(case, latent)`` and then their products with each other, row by row."""
    exact = latents.astype(np.float64)
    first, second = np.triu_indices(exact.shape[1])
    return np.concatenate([exact, exact[:, first] * exact[:, second]], axis=1)


def classes_problem(classes: Sequence[str]) -> str:
    """Return the reason why these can't be the names of classes; empty if there is none."""
    if not FEWEST_CLASSES <= len(classes) <= MOST_CLASSES:
        return f"{len(classes)} classes: expected {FEWEST_CLASSES} to {MOST_CLASSES}"
    if not all(classes) or len(set(classes)) < len(classes):
        return f"classes named {', '.join(map(repr, classes))}: give each a name of its own"
    return ""


@njit(cache=True)
def _classify(
    latent: Float32Array,
    matrix: FloatArray,
    bias: FloatArray,
    logits: FloatArray,
    probabilities: Float32Array,
) -> None:
    """Classify in one fixed order, in float64, so that the same latent always gives the same bits.

    The highest logit is subtracted first, so that no exponential overflows.
    """
    highest = -np.inf
    finite = True
    for number in range(logits.size):
        logit = bias[number]
        for dimension in range(latent.size):
            logit += latent[dimension] * matrix[dimension, number]
        feature = latent.size
        for first in range(latent.size):
            for second in range(first, latent.size):
                product = np.float64(latent[first]) * np.float64(latent[second])
                logit += product * matrix[feature, number]
                feature += 1
        logits[number] = logit
        highest = max(highest, logit)
        finite = finite and np.isfinite(logit)
    if not finite:
        probabilities[:] = 0.0
        return
    total = 0.0
    for number in range(logits.size):
        logits[number] = np.exp(logits[number] - highest)
        total += logits[number]
    for number in range(logits.size):
        probabilities[number] = logits[number] / total
