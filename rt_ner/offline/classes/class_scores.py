"""Score decided against true classes."""

from dataclasses import replace

import numpy as np

from rt_ner.bundle.entries.classifier_entry import ClassScores
from rt_ner.core.arrays import StrArray
from rt_ner.core.errors import SessionError
from rt_ner.data.session.session import Session
from rt_ner.offline.classes.hop_classes import classes_of
from rt_ner.offline.scores import Comparison


def class_scores(comparison: Comparison, control: Comparison | None) -> ClassScores | None:
    """Return the scores of a classifier; None if there is none, or the true classes are unknown.

    ``control``: a decoding, or labels, that have nothing to do with the spikes, if there is one.
    """
    true = comparison.labels.classes
    if not comparison.classes or true is None or not (true != "").any():
        return None
    return ClassScores(
        balanced_accuracy=balanced_accuracy(true, decided(comparison)),
        chance=1 / np.unique(true[true != ""]).size,
        shuffled_balanced_accuracy=None if control is None else _of_control(control),
    )


def with_true_classes(comparison: Comparison, session: Session, of: str) -> Comparison:
    """Return the comparison with the session's classes; as it is if nothing was classified.

    Likewise if the session does not tell the classes: its outputs can be scored all the same.
    """
    if not comparison.classes:
        return comparison
    try:
        classes = classes_of(session, of, comparison.hop_ns)
    except SessionError:
        return comparison
    return replace(comparison, labels=classes.given_to(comparison.labels))


def decided(comparison: Comparison) -> StrArray:
    """Return the most probable class ``(hop,)``; empty where nothing could be decoded."""
    assert comparison.probabilities is not None
    best = np.array(comparison.classes)[comparison.probabilities.argmax(axis=1)]
    return np.where(comparison.probabilities.any(axis=1), best, "")


def balanced_accuracy(true: StrArray, given: StrArray) -> float:
    """Return the part of hops ``(hop,)`` that are classified rightly, the mean over true classes.

    Hops of no class are left out. A class that was never learned is always wrong.
    """
    classes = [name for name in np.unique(true) if name]
    return float(np.mean([np.mean(given[true == name] == name) for name in classes]))


def _of_control(control: Comparison) -> float:
    assert control.labels.classes is not None
    return balanced_accuracy(control.labels.classes, decided(control))
