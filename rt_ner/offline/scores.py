"""Scores: decoded beside true movement, on the trials that count."""

from dataclasses import dataclass, replace

import numpy as np

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.arrays import Float32Array, FloatArray
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.errors import SessionError
from rt_ner.data.session.session import Session
from rt_ner.offline.decoding import Decoding, decode_session
from rt_ner.offline.labels import Labels, label_hops, shuffle_trials


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
        """R² of velocity, the mean over x and y."""
        return float(r2_score(self.labels.velocity_cm_s, self.decoded_cm_s))

    def swapped_velocity_r2(self) -> float:
        """R² of velocity with decoded and true swapped, as the NER paper reports it."""
        return float(r2_score(self.decoded_cm_s, self.labels.velocity_cm_s))

    def position_r2(self) -> float:
        """R² of position, the mean over x and y; both paths begin each trial at zero."""
        return float(r2_score(self.path_cm(self.labels.velocity_cm_s), self.decoded_path_cm()))

    def decoded_path_cm(self) -> FloatArray:
        """Decoded position ``(hop, 2)`` from each trial's start."""
        return self.path_cm(self.decoded_cm_s)

    def path_cm(self, velocity_cm_s: FloatArray) -> FloatArray:
        """Velocity summed up within each trial."""
        steps_cm = velocity_cm_s * (self.hop_ns / NS_PER_S)
        path_cm = np.cumsum(steps_cm, axis=0)
        trial_begins = np.flatnonzero(np.diff(self.labels.trial, prepend=-1))
        hops = np.diff(np.append(trial_begins, len(path_cm)))
        offset_cm = path_cm[trial_begins] - steps_cm[trial_begins]
        return path_cm - np.repeat(offset_cm, hops, axis=0)


def compare(decoding: Decoding, session: Session, hop_ns: int) -> Comparison:
    """Put a decoding beside the session's kinematics, at the labelled hops that it covers."""
    labels = label_hops(session, hop_ns)
    labels = labels.where(np.isin(labels.end_ns, decoding.end_ns))
    rows = np.searchsorted(decoding.end_ns, labels.end_ns)
    return Comparison(
        labels, decoding.latent[rows], decoding.velocity_cm_s[rows].astype(np.float64), hop_ns
    )


def only_trials(comparison: Comparison, first: int, last: int) -> Comparison:
    """The hops of trials ``first`` to ``last − 1``."""
    chosen = (comparison.labels.trial >= first) & (comparison.labels.trial < last)
    if not chosen.any():
        raise SessionError(
            f"no kinematics in trials {first + 1} to {last}: there is nothing to score"
        )
    return Comparison(
        comparison.labels.where(chosen),
        comparison.latent[chosen],
        comparison.decoded_cm_s[chosen],
        comparison.hop_ns,
    )


def evaluate_bundle(bundle: Bundle, session: Session) -> dict[str, float | int | str | None]:
    """Scores of a bundle on a session: its held-out trials if it was trained on it, else all.

    The control holds the same decoding against the velocity of shuffled trials; None for one trial.
    """
    training = bundle.manifest.training
    own = training.session_sha256 == session.sha256
    first = training.n_train_trials if own else 0
    hop_ns = bundle.manifest.window.hop_ns
    comparison = only_trials(
        compare(decode_session(bundle.model, session), session, hop_ns), first, len(session.trials)
    )
    shuffled_velocity_r2 = None
    if len(np.unique(comparison.labels.trial)) > 1:
        labels = shuffle_trials(comparison.labels, np.random.default_rng(0))
        shuffled_velocity_r2 = replace(comparison, labels=labels).velocity_r2()
    return {
        "trials": "held out of training" if own else "all: not the session trained on",
        "n_trials": len(session.trials) - first,
        "velocity_r2": comparison.velocity_r2(),
        "position_r2": comparison.position_r2(),
        "shuffled_velocity_r2": shuffled_velocity_r2,
    }
