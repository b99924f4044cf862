"""Score decoded against true behaviour."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rt_ner.bundle.entries.classifier_entry import ClassScores
from rt_ner.core.arrays import Float32Array, FloatArray
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.outputs import OutputKind, kind_of
from rt_ner.core.errors import SessionError
from rt_ner.data.session.session import Session
from rt_ner.offline.labels import Labels, label_hops

if TYPE_CHECKING:
    from rt_ner.offline.decoding import Decoding


@dataclass(frozen=True)
class SessionScores:
    """Scores of a decoded session: R², the mean over the outputs.

    Attributes
    ----------
    r2 : float
        Score of the outputs, such as velocity.
    path_r2 : float or None
        Score of the position, by integrating the velocity within each trial; None if anything
        but a velocity is decoded, or the recording is continuous.
    shuffled_r2 : float or None
        Control: score of the same decoding against shuffled trials; None for a single trial.
    n_trials : int
        Number of trials, or blocks, that were scored.
    classes : ClassScores or None
        Scores of the classifier; None without one, or if the session does not tell the classes.

    """

    r2: float
    path_r2: float | None
    shuffled_r2: float | None
    n_trials: int
    classes: ClassScores | None = None


def r2_score(true: FloatArray, decoded: FloatArray) -> float:
    """Return the coefficient of determination R² of ``(time, output)``, the mean over outputs.

    An output that never changes scores 1 where it is decoded exactly, else 0.
    """
    residual = ((true - decoded) ** 2).sum(axis=0, dtype=np.float64)
    spread = ((true - np.average(true, axis=0)) ** 2).sum(axis=0, dtype=np.float64)
    varies, misses = spread != 0, residual != 0
    scores = np.ones(residual.shape)
    scores[varies & misses] = 1 - residual[varies & misses] / spread[varies & misses]
    scores[~varies & misses] = 0.0
    return float(np.average(scores))


@dataclass(frozen=True, eq=False)
class Comparison:
    """Decoded and true behaviour of the same hops, in order of time.

    ``probabilities`` ``(hop, class)`` are those of ``classes``; None if nothing was classified.
    """

    labels: Labels
    latent: Float32Array
    decoded: FloatArray
    hop_ns: int
    probabilities: Float32Array | None = None
    classes: tuple[str, ...] = ()

    def r2(self) -> float:
        """Return the R² of the outputs, the mean over them."""
        return float(r2_score(self.labels.values, self.decoded))

    def swapped_r2(self) -> float:
        """Return the R² with decoded and true swapped, as the NER paper reports it."""
        return float(r2_score(self.decoded, self.labels.values))

    def path_r2(self) -> float | None:
        """Return the R² of the paths, the mean over axes; paths begin each trial at zero.

        None if anything but a velocity is decoded, or the recording is continuous.
        """
        if kind_of(self.labels.outputs) != OutputKind.VELOCITY or self.labels.are_blocks:
            return None
        return float(r2_score(self.path(self.labels.values), self.decoded_path()))

    def decoded_path(self) -> FloatArray:
        """Return the decoded velocity ``(hop, output)`` summed up since each trial's start."""
        return self.path(self.decoded)

    def path(self, velocity: FloatArray) -> FloatArray:
        """Return velocity ``(hop, output)`` summed up within each trial."""
        steps = velocity * (self.hop_ns / NS_PER_S)
        path = np.cumsum(steps, axis=0)
        trial_begins = np.flatnonzero(np.diff(self.labels.trial, prepend=-1))
        hops = np.diff(np.append(trial_begins, len(path)))
        offset = path[trial_begins] - steps[trial_begins]
        return path - np.repeat(offset, hops, axis=0)


def compare(decoding: "Decoding", session: Session, hop_ns: int) -> Comparison:
    """Pair decoded with true behaviour at the labelled hops that were decoded."""
    labels = label_hops(session, hop_ns)
    labels = labels.where(np.isin(labels.end_ns, decoding.end_ns))
    rows = np.searchsorted(decoding.end_ns, labels.end_ns)
    probabilities = None if decoding.probabilities is None else decoding.probabilities[rows]
    values = decoding.values[rows].astype(np.float64)
    return Comparison(
        labels, decoding.latent[rows], values, hop_ns, probabilities, decoding.classes
    )


def only_trials(comparison: Comparison, first: int, last: int, history_ns: int) -> Comparison:
    """Return the hops of trials ``first`` to ``last − 1``; SessionError if there are none.

    In a continuous recording, hops whose history reaches into earlier blocks are left out.
    """
    labels = comparison.labels
    chosen = (labels.trial >= first) & (labels.trial < last)
    if labels.are_blocks and first > 0 and chosen.any():
        chosen &= labels.end_ns >= labels.end_ns[chosen][0] + history_ns
    if not chosen.any():
        raise SessionError(
            f"no behaviour in trials {first + 1} to {last}, nothing to score: choose other trials"
        )
    probabilities = comparison.probabilities
    return replace(
        comparison,
        labels=labels.where(chosen),
        latent=comparison.latent[chosen],
        decoded=comparison.decoded[chosen],
        probabilities=None if probabilities is None else probabilities[chosen],
    )
