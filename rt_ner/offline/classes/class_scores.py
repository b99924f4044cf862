"""Score decided against true classes."""

from dataclasses import replace

import numpy as np

from rt_ner.bundle.entries.classifier_entry import ClassScores
from rt_ner.core.arrays import StrArray
from rt_ner.core.errors import SessionError
from rt_ner.data.session.session import Session
from rt_ner.offline.classes.hop_classes import classes_of
from rt_ner.offline.scores import Comparison

_N_SHIFTS = 100


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


def class_scores(comparison: Comparison) -> ClassScores | None:
    """Return the scores of a classifier; None if there is none, or the true classes are unknown."""
    true = comparison.labels.classes
    if comparison.probabilities is None or true is None or not (true != "").any():
        return None
    likeliest = decided(comparison)
    return ClassScores(
        balanced_accuracy=balanced_accuracy(true, likeliest),
        chance=1 / np.unique(true[true != ""]).size,
        shuffled_balanced_accuracy=shifted_accuracy(true, likeliest),
    )


def decided(comparison: Comparison) -> StrArray:
    """Return the likeliest class of each hop of a comparison that has classes, ``(hop,)``.

    Empty where nothing could be decoded.
    """
    assert comparison.probabilities is not None
    likeliest = np.array(comparison.classes)[comparison.probabilities.argmax(axis=1)]
    return np.where(comparison.probabilities.any(axis=1), likeliest, "")


def balanced_accuracy(true: StrArray, decided: StrArray) -> float:
    """Return the part of hops ``(hop,)`` that are decided rightly, the mean over the true classes.

    Hops of no class are left out. A class that was never learned is always decided wrongly.
    """
    names, number = np.unique(true, return_inverse=True)
    right = np.bincount(number, weights=true == decided, minlength=names.size)
    return float(np.mean((right / np.bincount(number))[names != ""]))


def shifted_accuracy(true: StrArray, decided: StrArray) -> float:
    """Return the balanced accuracy against true classes that are shifted in time, in a circle.

    It is the mean over many random shifts, by a quarter to three quarters of all hops. Shuffled
    trials would not do: movement comes at about the same time in each.
    """
    rng = np.random.default_rng(0)
    quarter, half = true.size // 4, true.size // 2
    shifts = rng.integers(quarter, quarter + half, size=_N_SHIFTS, endpoint=True)
    return float(np.mean([balanced_accuracy(np.roll(true, shift), decided) for shift in shifts]))
