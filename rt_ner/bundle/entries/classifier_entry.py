"""Define a manifest's entries on a classifier: its numbers and its scores."""

from typing import Self

import numpy as np
from pydantic import Field, model_validator

from rt_ner.bundle.entries.strict import Strict
from rt_ner.decoding.readouts.classifier import Classifier, classes_problem


class ClassifierEntry(Strict):
    """The numbers of a `Classifier` of latents, and the names of its classes."""

    of: str = Field(min_length=1)
    classes: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]
    bias: tuple[float, ...]

    @model_validator(mode="after")
    def _fits_its_classes(self) -> Self:
        if problem := classes_problem(self.classes):
            raise ValueError(f"the classifier has {problem}")
        if any(len(row) != len(self.classes) for row in (*self.matrix, self.bias)):
            raise ValueError(
                f"the classifier's rows must have {len(self.classes)} numbers each, one per class"
            )
        return self

    def classifier(self) -> Classifier:
        """Return the classifier itself."""
        return Classifier(np.array(self.matrix), np.array(self.bias), self.classes, self.of)


def classifier_entry(classifier: Classifier | None) -> ClassifierEntry | None:
    """Return a classifier as the manifest holds it."""
    if classifier is None:
        return None
    return ClassifierEntry(
        of=classifier.of,
        classes=classifier.classes,
        matrix=tuple(tuple(row) for row in classifier.matrix.tolist()),
        bias=tuple(classifier.bias.tolist()),
    )


class ClassScores(Strict):
    """Scores of a classifier on held-out trials.

    Attributes
    ----------
    balanced_accuracy : float
        Part of the hops that are classified rightly, the mean over the classes.
    chance : float
        The same for a classifier that always says one class: 1 / number of classes.
    shuffled_balanced_accuracy : float
        Control: the same decisions scored against classes that are shifted in time.

    """

    balanced_accuracy: float
    chance: float
    shuffled_balanced_accuracy: float

    def __str__(self) -> str:
        return (
            f"balanced accuracy {self.balanced_accuracy:.2f}, control "
            f"{self.shuffled_balanced_accuracy:.2f}, chance {self.chance:.2f}"
        )

    def rows(self, of: str) -> dict[str, float]:
        """Return the rows of a table; ``of``: the quantity that is classified."""
        return {
            f"balanced accuracy of {of}": self.balanced_accuracy,
            f"control: balanced accuracy of {of}, shuffled": self.shuffled_balanced_accuracy,
            f"chance level of {of}": self.chance,
        }
