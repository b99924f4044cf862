"""Score a decoder on held-out trials, next to a control that learned from shuffled ones."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from rt_ner.bundle.assembly import assemble_bundle
from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.manifest import Scores, TrainingEntry
from rt_ner.bundle.storage import cloud_page
from rt_ner.core.contract.outputs import kind_of
from rt_ner.data.session.session import Session
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.offline.classes.class_scores import class_scores
from rt_ner.offline.decoding import decode_session
from rt_ner.offline.expectation.measured import expectation_of
from rt_ner.offline.faults.measurement import corruption_table
from rt_ner.offline.held_out.split import Split
from rt_ner.offline.labels import shuffle_trials
from rt_ner.offline.scores import Comparison, compare, only_trials

# A split and what is fitted ("training" or "control") → a decoder fitted to the training part, and
# the velocity R² of training trials that it left out, if any.
Fit = Callable[[Split, str], tuple[DecoderSpecification, float | None]]
# A comparison, a title and a subtitle → a picture (PNG).
Draw = Callable[[Comparison, str, str], bytes]

# Training latents that a bundle holds for pictures, at most.
_CLOUD_ROWS = 2000


@dataclass(frozen=True, eq=False)
class Trained:
    """A fitted decoder: its bundle, and its decoding of the training and the held-out trials.

    ``train_s`` is the time of the fit, of its control and of the scoring.
    """

    bundle: Bundle
    train: Comparison
    held_out: Comparison
    train_s: float


@dataclass(frozen=True, eq=False)
class Fitted:
    """A decoder, the R² of training trials that it left out, if any, and its control."""

    model: DecoderSpecification
    validation_r2: float | None
    control: DecoderSpecification


def control_split(split: Split, seed: int) -> Split:
    """Return the split that a control learns from, whose training trials are shuffled."""
    labels = shuffle_trials(split.train.labels, np.random.default_rng(seed))
    return replace(split, train=replace(split.train, labels=labels), classes=None)


def prove_fit(
    session: Session, split: Split, training: TrainingEntry, seed: int, fit: Fit
) -> Trained:
    """Fit a decoder to the training trials of a session and score it on the others.

    A second decoder, the control, is fitted to shuffled trials and scored in the same way.
    """
    started_s = time.monotonic()
    model, validation_r2 = fit(split, "training")
    control, _ = fit(control_split(split, seed), "control")
    trained = prove_fitted(session, split, training, seed, Fitted(model, validation_r2, control))
    return replace(trained, train_s=time.monotonic() - started_s)


def prove_fitted(
    session: Session, split: Split, training: TrainingEntry, seed: int, fitted: Fitted
) -> Trained:
    """Score a fitted decoder and its control on the trials that were held out."""
    started_s = time.monotonic()
    model = fitted.model
    n_train, n_trials = split.n_train, len(session.trials)
    whole, chance = _compared(model, session), _compared(fitted.control, session)
    if split.classes:
        whole = replace(whole, labels=split.classes.given_to(whole.labels))
    history_ns = split.shape.history_ns
    train = only_trials(whole, 0, n_train, history_ns)
    held_out = only_trials(whole, n_train, n_trials, history_ns)
    scores = Scores(
        r2=held_out.r2(),
        path_r2=held_out.path_r2(),
        train_r2=train.r2(),
        validation_r2=fitted.validation_r2,
        of=kind_of(whole.labels.outputs),
        shuffled_r2=only_trials(chance, n_train, n_trials, history_ns).r2(),
        classes=class_scores(held_out),
    )
    corruption = corruption_table(model, session, held_out.labels, seed)
    # A recalibrated decoder keeps what was expected before: its block may be short.
    expected = model.expectation or expectation_of(session, n_train, split.shape.hop_ns)
    model = replace(model, expectation=expected)
    bundle = assemble_bundle(model, split.test.windows, training, scores, corruption)
    return Trained(bundle, train, held_out, time.monotonic() - started_s)


def report_pages(trained: Trained, draw: Draw | None) -> dict[str, bytes]:
    """Return a bundle's report by file name: training latents and, if drawn, the picture."""
    train = trained.train
    some = slice(None, None, len(train.latent) // _CLOUD_ROWS + 1)
    pages = cloud_page(train.latent[some], np.nan_to_num(train.labels.direction_deg[some]))
    if draw is None:
        return pages
    entry, scores = trained.bundle.manifest.training, trained.bundle.manifest.scores
    title = f"{entry.session} {entry.area}, held-out trials"
    path = "" if scores.path_r2 is None else f"position R² {scores.path_r2:.2f}, "
    subtitle = (
        f"offline; {kind_of(trained.bundle.manifest.decoded_outputs)} R² {scores.r2:.2f}, "
        f"{path}shuffled control {scores.shuffled_r2:.2f}"
    )
    if scores.classes and (classifier := trained.bundle.manifest.classifier):
        subtitle += f"; {classifier.of}: {scores.classes}"
    return {"report.png": draw(trained.held_out, title, subtitle), **pages}


def _compared(model: DecoderSpecification, session: Session) -> Comparison:
    return compare(decode_session(model, session), session, model.window.hop_ns)
