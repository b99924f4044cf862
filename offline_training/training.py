"""Training: a session and settings in, a proven bundle out, with its control and its report."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from offline_training.dataset.adequacy import check_adequacy
from offline_training.dataset.split import Split, split_session
from offline_training.figures.report import draw_report
from offline_training.ner.distillation import OnStep, train_encoder
from offline_training.ner.kalman_readout import fit_kalman
from offline_training.ner.network import EncoderNetwork, embed, export_onnx, export_weights
from offline_training.settings import TrainSettings
from rt_ner.bundle.assembly import assemble_bundle
from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.manifest import CarriedFrom, Scores, TrainingEntry
from rt_ner.bundle.storage import cloud_page, save_bundle
from rt_ner.data.session.session import Session
from rt_ner.decoding.decoder import DecoderSpecification
from rt_ner.decoding.readout import Readout, fit_readout
from rt_ner.decoding.windows import WindowShape
from rt_ner.offline.decoding import decode_session
from rt_ner.offline.labels import shuffle_trials
from rt_ner.offline.scores import Comparison, compare, only_trials

# Training latents that a bundle holds for pictures, at most.
_CLOUD_ROWS = 2000

# Told: what is being trained, the part done (0 to 1), and the velocity R² of training trials that
# were left out.
Progress = Callable[[str, float, float | None], None]
# Fits a decoder to a split's training part; told what for. What trials left out say of it, if any.
Fit = Callable[[Split, str], tuple[DecoderSpecification, float | None]]


@dataclass(frozen=True, eq=False)
class Trained:
    """A bundle, its decoding of the training and the held-out trials, and how long it all took."""

    bundle: Bundle
    train: Comparison
    held_out: Comparison
    train_s: float


def train_bundle(
    session: Session,
    settings: TrainSettings,
    device: torch.device,
    progress: Progress,
    warn: Callable[[str], None] = lambda _: None,
) -> Trained:
    """Train an encoder and its readout on a session's first trials; score them on the rest.

    ``warn`` is told, before, what the session lacks. SessionError where it lacks too much.
    """
    split = split_session(session, settings)
    for warning in check_adequacy(split, session.channel_ids):
        warn(warning)

    def fit(part: Split, what: str) -> tuple[DecoderSpecification, float | None]:
        return _fit(session, part, settings, device, partial(progress, what))

    return prove(session, split, settings, fit)


def prove(session: Session, split: Split, settings: TrainSettings, fit: Fit) -> Trained:
    """Fit a decoder to the training part of a split session, and score it on the rest.

    A second one is fitted to shuffled trials, on the same input and scored the same way: the
    control. ``train_s`` is the time of both and of the scoring.
    """
    started_s = time.monotonic()
    hop_ns = split.shape.hop_ns
    model, validation_r2 = fit(split, "training")
    rng = np.random.default_rng(settings.seed)
    labels = shuffle_trials(split.train.labels, rng)
    control, _ = fit(replace(split, train=replace(split.train, labels=labels)), "control")
    n_trials = len(session.trials)
    whole = compare(decode_session(model, session), session, hop_ns)
    train = only_trials(whole, 0, split.n_train)
    held_out = only_trials(whole, split.n_train, n_trials)
    chance = compare(decode_session(control, session), session, hop_ns)
    scores = Scores(
        velocity_r2=held_out.velocity_r2(),
        position_r2=held_out.position_r2(),
        train_velocity_r2=train.velocity_r2(),
        validation_velocity_r2=validation_r2,
        shuffled_velocity_r2=only_trials(chance, split.n_train, n_trials).velocity_r2(),
    )
    training = training_entry(session, settings, split.n_train)
    bundle = assemble_bundle(model, split.test.windows, training, scores)
    return Trained(bundle, train, held_out, time.monotonic() - started_s)


def save_trained(trained: Trained, folder: Path, overwrite: bool) -> None:
    """Write a trained bundle with the picture of its held-out trials, and its training latents."""
    training = trained.bundle.manifest.training
    scores = trained.bundle.manifest.scores
    report = draw_report(
        trained.held_out,
        f"{training.session} {training.area}, held-out trials",
        f"offline; velocity R² {scores.velocity_r2:.2f}, position R² {scores.position_r2:.2f}, "
        f"shuffled control {scores.shuffled_velocity_r2:.2f}",
    )
    train = trained.train
    some = slice(None, None, len(train.latent) // _CLOUD_ROWS + 1)
    cloud = cloud_page(train.latent[some], train.labels.direction_deg[some])
    save_bundle(trained.bundle, folder, {"report.png": report, **cloud}, overwrite)


def _fit(
    session: Session, split: Split, settings: TrainSettings, device: torch.device, on_step: OnStep
) -> tuple[DecoderSpecification, float | None]:
    """Learn the encoder, then fit the readout to what it makes of the training windows."""
    learned = train_encoder(split.train, settings, split.shape.bin_ns, device, on_step)
    latents, labels = embed(learned.network, split.train), split.train.labels
    if settings.readout == "kalman":
        readout = fit_kalman(latents, labels, split.shape.hop_ns, is_white=False)
    else:
        readout = fit_readout(latents, labels.velocity_cm_s)
    model = exported_model(learned.network, session.channel_ids, split.shape, readout)
    return model, learned.validation_r2


def exported_model(
    network: EncoderNetwork, channel_ids: tuple[str, ...], shape: WindowShape, readout: Readout
) -> DecoderSpecification:
    """What a decoder needs of a trained network."""
    layers = export_weights(network)
    return DecoderSpecification(channel_ids, shape, export_onnx(network), readout, layers)


def training_entry(
    session: Session,
    settings: TrainSettings,
    n_train: int,
    carried_from: CarriedFrom | None = None,
) -> TrainingEntry:
    """What the manifest says of a training on the first ``n_train`` trials of a session."""
    return TrainingEntry(
        session=session.name,
        session_sha256=session.sha256,
        area=session.area,
        n_train_trials=n_train,
        n_test_trials=len(session.trials) - n_train,
        settings=settings.model_dump(mode="json"),
        carried_from=carried_from,
    )
