"""Training: a session and settings in, a proven bundle out, with its control and its report."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from offline_training.dataset.adequacy import check_adequacy
from offline_training.dataset.split import split_session
from offline_training.figures.report import draw_report
from offline_training.ner.distillation import train_encoder
from offline_training.ner.ensemble import OnStep
from offline_training.ner.export.encoder_export import export_onnx, export_weights
from offline_training.ner.networks.encoder_network import EncoderNetwork, embed
from offline_training.ner.readouts.kalman_readout import fit_kalman
from offline_training.settings import TrainSettings
from rt_ner.bundle.manifest import CarriedFrom, TrainingEntry
from rt_ner.bundle.storage import save_bundle
from rt_ner.data.session.session import Session
from rt_ner.decoding.decoder import DecoderSpecification
from rt_ner.decoding.readout import Readout, fit_readout
from rt_ner.decoding.windows import WindowShape
from rt_ner.offline.held_out.proof import Fit, Trained, prove_fit, report_pages
from rt_ner.offline.held_out.split import Split

# Told: what is being trained, the part done (0 to 1), and the velocity R² of training trials that
# were left out.
Progress = Callable[[str, float, float | None], None]


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
    """Fit a decoder to the training trials of a session and score it on the others."""
    training = training_entry(session, settings, split.n_train)
    return prove_fit(session, split, training, settings.seed, fit)


def save_trained(trained: Trained, folder: Path, overwrite: bool) -> None:
    """Write a trained bundle with its report: held-out trials as a picture, training latents."""
    save_bundle(trained.bundle, folder, report_pages(trained, draw_report), overwrite)


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
