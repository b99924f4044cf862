"""Score decoded against true movement."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rt_ner.core.arrays import Float32Array, FloatArray
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.errors import SessionError
from rt_ner.data.session.session import Session
from rt_ner.offline.labels import Labels, label_hops

if TYPE_CHECKING:
    from rt_ner.offline.decoding import Decoding


@dataclass(frozen=True)
class SessionScores:
    """Scores of a decoded session: R², the mean over x and y.

    Attributes
    ----------
    velocity_r2 : float
        Score of the velocity.
    position_r2 : float
        Score of the position, the velocity summed up within each trial.
    shuffled_velocity_r2 : float or None
        Control: score of the same velocity against shuffled trials; None for a single trial.
    n_trials : int
        Number of trials that were scored.

    """

    velocity_r2: float
    position_r2: float
    shuffled_velocity_r2: float | None
    n_trials: int


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
    """Decoded and true velocity of the same hops, in order of time."""

    labels: Labels
    latent: Float32Array
    decoded_cm_s: FloatArray
    hop_ns: int

    def velocity_r2(self) -> float:
        """Return the R² of velocity, the mean over x and y."""
        return float(r2_score(self.labels.velocity_cm_s, self.decoded_cm_s))

    def swapped_velocity_r2(self) -> float:
        """Return the R² of velocity with decoded and true swapped, as the NER paper reports it."""
        return float(r2_score(self.decoded_cm_s, self.labels.velocity_cm_s))

    def position_r2(self) -> float:
        """Return the R² of position, the mean over x and y; paths begin each trial at zero."""
        return float(r2_score(self.path_cm(self.labels.velocity_cm_s), self.decoded_path_cm()))

    def decoded_path_cm(self) -> FloatArray:
        """Return the decoded position ``(hop, 2)`` since each trial's start."""
        return self.path_cm(self.decoded_cm_s)

    def path_cm(self, velocity_cm_s: FloatArray) -> FloatArray:
        """Return velocity ``(hop, 2)`` summed up within each trial."""
        steps_cm = velocity_cm_s * (self.hop_ns / NS_PER_S)
        path_cm = np.cumsum(steps_cm, axis=0)
        trial_begins = np.flatnonzero(np.diff(self.labels.trial, prepend=-1))
        hops = np.diff(np.append(trial_begins, len(path_cm)))
        offset_cm = path_cm[trial_begins] - steps_cm[trial_begins]
        return path_cm - np.repeat(offset_cm, hops, axis=0)


def compare(decoding: "Decoding", session: Session, hop_ns: int) -> Comparison:
    """Pair decoded with true velocity at the labelled hops that were decoded."""
    labels = label_hops(session, hop_ns)
    labels = labels.where(np.isin(labels.end_ns, decoding.end_ns))
    rows = np.searchsorted(decoding.end_ns, labels.end_ns)
    return Comparison(
        labels, decoding.latent[rows], decoding.velocity_cm_s[rows].astype(np.float64), hop_ns
    )


def only_trials(comparison: Comparison, first: int, last: int) -> Comparison:
    """Return the hops of trials ``first`` to ``last − 1``; SessionError if there are none."""
    chosen = (comparison.labels.trial >= first) & (comparison.labels.trial < last)
    if not chosen.any():
        raise SessionError(
            f"no kinematics in trials {first + 1} to {last}, nothing to score: choose other trials"
        )
    return Comparison(
        comparison.labels.where(chosen),
        comparison.latent[chosen],
        comparison.decoded_cm_s[chosen],
        comparison.hop_ns,
    )
