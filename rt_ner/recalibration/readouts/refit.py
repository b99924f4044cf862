"""Refit a bundle's readout to what the subject intended during a closed-loop block."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.manifest import TrainingEntry
from rt_ner.core.arrays import AnyArray, Float32Array
from rt_ner.core.clock import NS_PER_MS
from rt_ner.core.errors import SessionError
from rt_ner.data.session.session import Session
from rt_ner.decoding.readouts.readout import Readout, fit_readout
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.offline.classes.class_scores import balanced_accuracy, decided
from rt_ner.offline.decoding import decode_session
from rt_ner.offline.held_out.proof import Trained, prove_fit
from rt_ner.offline.held_out.split import Split, split_windows
from rt_ner.offline.labels import Labels
from rt_ner.offline.normalisation.settled import decode_windows, settled
from rt_ner.offline.scores import Comparison, compare, only_trials
from rt_ner.recalibration.intention.labels import mean_angle_deg
from rt_ner.recalibration.readouts.own_decoding import own_decoding, own_speed
from rt_ner.recalibration.use import Use
from rt_ner.system.plugins import plugin

# With fewer, too few are held out to tell which of two decoders is better.
FEWEST_REACHES = 10
_USUAL_HELD_OUT = 0.2
# Part of the way from chance to full agreement with the classifier in use.
_LEAST_AGREED = 0.5


@dataclass(frozen=True, eq=False)
class Recalibrated:
    """A decoder fitted to a block's first reaches, with the score of the one in use.

    Attributes
    ----------
    trained
        The new decoder, with its scores on the last reaches.
    in_use_deg, refitted_deg
        Mean angle between decoded and intended velocity on the last reaches, to which nothing was
        fitted. It does not always tell which decoder is better in the loop.
    notice
        A sentence on the classifier, if it was fitted to the latents of a new encoder; else empty.
    """

    trained: Trained
    in_use_deg: float
    refitted_deg: float
    notice: str = ""

    @property
    def is_better(self) -> bool:
        """True if the new decoder has the smaller angle on the held-out reaches."""
        return self.refitted_deg < self.in_use_deg


def recalibrate_readout(use: Use, in_use: Bundle) -> Recalibrated:
    """Fit a readout to the first reaches of closed-loop use, and compare it on the rest.

    SessionError if there are too few reaches, or they were decoded from other channels.
    """
    session = intended_session(use, in_use)
    model = settled(in_use.model, session)
    split = split_windows(session, model.window, _setting(in_use, "held_out", _USUAL_HELD_OUT))
    # The control has other labels, but the same windows.
    latents, in_use_cm_s = decode_windows(model, session, split.train)
    like_cm_s = split.train.labels.values if use.is_speed_known else in_use_cm_s

    def fit(part: Split, _stage: str) -> tuple[DecoderSpecification, None]:
        readout = _refitted(model, part.train.labels, latents, like_cm_s)
        return replace(model, readout=readout), None

    training = _training_entry(session, split, in_use)
    trained = prove_fit(session, split, training, int(_setting(in_use, "seed", 0)), fit)
    return compared(trained, session, model)


def _refitted(
    model: DecoderSpecification, labels: Labels, latents: Float32Array, like_cm_s: AnyArray
) -> Readout:
    """Fit a readout of the same kind as the model's.

    A linear one is made as fast as ``like_cm_s`` ``(hop, 2)``; a Kalman filter is not scaled.
    """
    if model.readout.memory.any():
        fit_kalman: Callable[..., Readout] = plugin("kalman_readout")
        return fit_kalman(latents, labels, model.window.hop_ns, is_white=False)
    fitted = fit_readout(latents, labels.values)
    moving = labels.values.any(axis=1)
    return as_fast(fitted, latents[moving], like_cm_s[moving])


def compared(trained: Trained, session: Session, in_use: DecoderSpecification) -> Recalibrated:
    """Compare a decoder fitted to a session's first trials with the one in use, on the rest.

    SessionError if its encoder is another, and its classifier seldom decides as the one in use.
    """
    first = trained.bundle.manifest.training.n_train_trials
    before, after = held_out_comparison(in_use, session, first), trained.held_out
    classifier, notice = trained.bundle.model.classifier, ""
    if classifier and trained.bundle.encoder_onnx != in_use.encoder_onnx:
        notice = _agreement(before, after, classifier.of)
    return Recalibrated(trained, mean_angle_deg(before), mean_angle_deg(after), notice)


def _agreement(before: Comparison, after: Comparison, of: str) -> str:
    """Return a sentence on how often a new classifier decides as the one in use.

    SessionError if it does so too seldom to take its place.
    """
    agreed = balanced_accuracy(decided(before), decided(after))
    said = (
        f"on held-out reaches, the classifier of {of} decides with the new latents as the one in "
        f"use in {100 * agreed:.0f} % of the hops (the mean over the classes)"
    )
    chance = 1 / len(before.classes)
    if agreed < chance + _LEAST_AGREED * (1 - chance):
        raise SessionError(
            f"{said}, too seldom to take its place: learn the readout alone (--part readout), "
            "which keeps the classifier, or train again with --classes"
        )
    return said


def as_fast(readout: Readout, latents: Float32Array, like_cm_s: AnyArray) -> Readout:
    """Return the readout, scaled to the mean squared speed of ``like_cm_s``, ``(hop, 2)``.

    Least squares shrinks what it can't predict, and so makes the cursor slower with each refit. In
    the loop, that costs more than better directions gain.
    """
    refitted_cm_s = readout.mapped(latents)
    scale = float(np.sqrt(np.square(like_cm_s).sum() / np.square(refitted_cm_s).sum()))
    return readout.scaled(scale)


def intended_session(use: Use, in_use: Bundle) -> Session:
    """Return all reaches with the intended velocity, as the decoder gave it before the gain.

    The operator's gain (the keys + and -) is estimated from the newest block, and taken to be the
    same in all blocks.
    """
    if use.n_reaches < FEWEST_REACHES:
        raise SessionError(
            f"{use.n_reaches} reaches: expected {FEWEST_REACHES} or more, some to fit and "
            "some to compare; record a longer block"
        )
    block, labels, known = use.intended()
    scale = own_speed(own_decoding(use.newest, in_use.model))
    area = in_use.manifest.training.area
    session = block.session("closed-loop", labels * scale, known, area)
    return replace(session, voltage=in_use.model.voltage)


def _setting(in_use: Bundle, name: str, usual: float) -> float:
    """Return a number that the bundle in use was trained with."""
    value = in_use.manifest.training.settings.get(name)
    return value if isinstance(value, int | float) else usual


def _training_entry(session: Session, split: Split, in_use: Bundle) -> TrainingEntry:
    shape, training = in_use.model.window, in_use.manifest.training
    window = {
        "hop_ms": shape.hop_ns / NS_PER_MS,
        "bin_ms": shape.bin_ns / NS_PER_MS,
        "history_bins": shape.history_bins,
    }
    return TrainingEntry(
        session=session.name,
        session_sha256=session.sha256,
        area=session.area,
        n_train_trials=split.n_train,
        n_test_trials=len(session.trials) - split.n_train,
        settings=dict(training.settings) | {"window": window},
    )


def held_out_comparison(model: DecoderSpecification, session: Session, n_train: int) -> Comparison:
    """Compare what a decoder gives with the labels of all trials after the first ``n_train``."""
    comparison = compare(decode_session(model, session), session, model.window.hop_ns)
    return only_trials(comparison, n_train, len(session.trials), model.window.history_ns)
