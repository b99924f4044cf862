"""Fit a logistic readout of classes to latents: to labels, or to what another one finds."""

import numpy as np

from rt_ner.core.arrays import Float32Array, FloatArray, Int64Array
from rt_ner.core.errors import SessionError
from rt_ner.decoding.readouts.classifier import FEWEST_CLASSES, Classifier, features_of
from rt_ner.offline.classes.hop_classes import HopClasses
from rt_ner.offline.labels import Labels

_MOST_STEPS = 1000
# Inverse weight of the penalty: fitted to labels, and to probabilities, which bound the weights.
_C_OF_LABELS, _C_OF_PROBABILITIES = 1.0, 1e4
# Features that vary less are constant but for rounding.
_CONSTANT = 1e-12


def fit_classifier(latents: Float32Array, labels: Labels, classes: HopClasses) -> Classifier:
    """Fit a multinomial logistic regression to the classes of hops, ``(hop, latent)``.

    Each class has the same weight, however rare it is. The penalty applies to standardised
    features. Raises SessionError if the hops are all of one class; classes that none of them has
    are left out.
    """
    assert labels.classes is not None
    known = labels.classes != ""
    seen = set(np.unique(labels.classes[known]).tolist())
    names = tuple(name for name in classes.names if name in seen)
    if len(names) < FEWEST_CLASSES:
        raise SessionError(
            f"classes = {classes.of!r}: the training trials hold {', '.join(names) or 'none'} "
            f"alone, expected {FEWEST_CLASSES} classes or more; record longer, or hold out fewer "
            "(held_out)"
        )
    number = np.array([names.index(name) for name in labels.classes[known].tolist()])
    matrix, bias = _fitted(features_of(latents[known]), number, None)
    return Classifier(matrix, bias, names, classes.of)


def carried_classifier(
    earlier: Classifier, its_latents: Float32Array, latents: Float32Array
) -> Classifier:
    """Return a classifier that finds in an encoder's latents what another finds in its own.

    It needs no labels: each hop counts for each class as far as the earlier one finds it likely.
    The classes keep their names and their order.

    Parameters
    ----------
    earlier
        The classifier to follow.
    its_latents
        Its latents of some hops, ``(hop, latent)``.
    latents
        The latents of the same hops, by the other encoder.

    Returns
    -------
    Classifier
        The classifier of these latents.

    Raises
    ------
    SessionError
        If the earlier classifier decides for one of its classes in no hop.

    """
    likely = earlier.classify_all(its_latents)
    n_hops, n_classes = likely.shape
    decided = np.bincount(likely.argmax(axis=1), minlength=n_classes)
    if not decided.all():
        missing = [name for name, n in zip(earlier.classes, decided, strict=True) if not n]
        raise SessionError(
            f"the classifier of {earlier.of} can't be fitted to the new latents, because it "
            f"decides for {', '.join(missing)} nowhere in the reaches to learn from: record a "
            "block in which that occurs, or learn the readout alone (--part readout), which keeps "
            "the classifier"
        )
    number = np.tile(np.arange(n_classes), n_hops)
    features = np.repeat(features_of(latents), n_classes, axis=0)
    matrix, bias = _fitted(features, number, likely.ravel().astype(np.float64))
    return Classifier(matrix, bias, earlier.classes, earlier.of)


def _fitted(
    features: FloatArray, number: Int64Array, weight: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """Return matrix ``(feature, class)`` and bias ``(class,)`` for the numbers of the classes.

    ``weight`` is that of each row; None: each class weighs the same.
    """
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread[spread < _CONSTANT] = 1.0
    # Few trainings have classes, and scikit-learn takes a second to import.
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    of_labels = weight is None
    fitted = LogisticRegression(
        C=_C_OF_LABELS if of_labels else _C_OF_PROBABILITIES,
        class_weight="balanced" if of_labels else None,
        max_iter=_MOST_STEPS,
    )
    fitted.fit((features - mean) / spread, number, sample_weight=weight)
    weights, bias = fitted.coef_.T, fitted.intercept_
    if len(fitted.classes_) == 2:
        # Of two classes, only the logit of the second one is fitted.
        weights = np.concatenate([np.zeros_like(weights), weights], axis=1)
        bias = np.concatenate([np.zeros_like(bias), bias])
    matrix = weights / spread[:, None]
    return matrix, bias - mean @ matrix
