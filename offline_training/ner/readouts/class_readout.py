"""Fit a logistic readout of classes to latents."""

import numpy as np

from rt_ner.core.arrays import Float32Array
from rt_ner.core.errors import SessionError
from rt_ner.decoding.readouts.classifier import FEWEST_CLASSES, Classifier, features_of
from rt_ner.offline.classes.hop_classes import HopClasses
from rt_ner.offline.labels import Labels

_MOST_STEPS = 1000
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
    chosen = features_of(latents[known])
    mean, spread = chosen.mean(axis=0), chosen.std(axis=0)
    spread[spread < _CONSTANT] = 1.0
    number = np.array([names.index(name) for name in labels.classes[known].tolist()])
    # Few trainings have classes, and scikit-learn takes a second to import.
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    fitted = LogisticRegression(class_weight="balanced", max_iter=_MOST_STEPS)
    fitted.fit((chosen - mean) / spread, number)
    weights, bias = fitted.coef_.T, fitted.intercept_
    if len(names) == 2:
        # Of two classes, only the logit of the second one is fitted.
        weights = np.concatenate([np.zeros_like(weights), weights], axis=1)
        bias = np.concatenate([np.zeros_like(bias), bias])
    matrix = weights / spread[:, None]
    return Classifier(matrix, bias - mean @ matrix, names, classes.of)
