"""Results of a transfer: scores per method and number of labelled trials."""

from dataclasses import dataclass, field

from offline_training.transfer.alignment.align_day import AlignedDay
from offline_training.transfer.alignment.source_day import SourceDay
from offline_training.transfer.days import TransferDays
from offline_training.transfer.matching.matching import Matching
from rt_ner.core.contract.outputs import kind_of

# Kinds of fits; the methods among them are named so in results.
SOURCE_DAY, TRANSFER, CONTROL, SCRATCH = "source day", "transfer", "control", "scratch"


@dataclass(frozen=True)
class Point:
    """Scores of one method on the target day's held-out trials.

    Attributes
    ----------
    trials
        Number of labelled trials.
    method
        ``"transfer"``, or the name of another method.
    labels
        True if labels of the new day were used.
    r2, path_r2
        Scores on held-out trials.
    relative
        R², relative to an encoder trained on all of the day's training trials.
    shuffled_r2
        Control: the same transfer with a random match and shuffled trials. Without labels: the mean
        of random matches, without learning from pseudo-labels.
    fit_s
        Training time in seconds, without the source day and the control.
    ensemble_r2
        Score of the ensemble, before distillation.
    """

    trials: int
    method: str
    labels: bool
    r2: float
    path_r2: float | None
    relative: float
    shuffled_r2: float | None
    fit_s: float
    ensemble_r2: float | None = None


@dataclass(frozen=True, eq=False)
class Curve:
    """Results of a transfer.

    ``matching`` uses all of the target day's training windows, without labels. ``aligned`` has the
    encoder for each number of labelled trials.
    """

    days: TransferDays
    source: SourceDay
    matching: Matching
    full_r2: float
    points: list[Point] = field(default_factory=list)
    aligned: dict[int, AlignedDay] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Kind of the outputs that are scored, such as ``"velocity"``."""
        return kind_of(self.days.target.session.behaviour.outputs)
