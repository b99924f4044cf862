"""Train the decoders of several sessions at once, and score each on its own held-out trials."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch

from offline_training.joint.sessions import Day
from offline_training.ner.distillation import Learned, train_encoders
from offline_training.ner.ensemble import OnStep
from offline_training.ner.networks.encoder_network import embed
from offline_training.ner.sharing.share import Share
from offline_training.settings import TrainSettings
from offline_training.training import decoder_of, training_entry
from rt_ner.bundle.joint.joint_bundle import ReadoutUse
from rt_ner.bundle.manifest import OtherSession
from rt_ner.decoding.readouts.readout import Readout, fit_readout
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.offline.held_out.proof import Fitted, Trained, control_split, prove_fitted
from rt_ner.terminal.progress import Progress

# Steps of a trunk that serves several days, as a multiple of those of one day. Five days scored as
# each by itself did, where as many steps cost 0.002 of R² (mean of two seeds).
_LONGER = 1.5

# Trains the encoders of all days, which share their trunk.
Learn = Callable[[Sequence[Day], TrainSettings, OnStep], list[Learned]]


def train_days(
    days: Sequence[Day],
    settings: TrainSettings,
    readout: ReadoutUse,
    learn: Learn,
    progress: Progress,
) -> list[Trained]:
    """Train a head per session and one trunk for all; score each session, next to a control.

    The control learns from shuffled trials of all sessions together. With a ``shared`` readout, it
    is fitted to the latents of all sessions, otherwise each has its ``own``.
    """
    learned = learn(days, settings, partial(progress, "training"))
    shuffled = [Day(day.session, control_split(day.split, settings.seed)) for day in days]
    controls = learn(shuffled, settings, partial(progress, "control"))
    fitted = map(
        Fitted,
        decoders_of(days, learned, readout),
        [each.validation_r2 for each in learned],
        decoders_of(shuffled, controls, readout),
    )
    return _proven(days, settings, list(fitted))


def learn_days(
    days: Sequence[Day], settings: TrainSettings, on_step: OnStep, device: torch.device
) -> list[Learned]:
    """Train the encoders of all days in this process."""
    step_ns, share = days[0].split.shape.bin_ns, Share.whole([day.split.train for day in days])
    return train_encoders(share, joint_settings(settings), step_ns, device, on_step)


def joint_settings(settings: TrainSettings) -> TrainSettings:
    """Return the settings of one day's training with the steps that several days need."""
    return settings.model_copy(update={"steps": round(_LONGER * settings.steps)})


def decoders_of(
    days: Sequence[Day], learned: Sequence[Learned], readout: ReadoutUse
) -> list[DecoderSpecification]:
    """Return the decoder of each day, with one readout or with each day's own."""
    shared = fit_shared(days, learned) if readout == "shared" else None
    return [
        decoder_of(each.network, day.session, day.split, shared or fit_shared([day], [each]))
        for day, each in zip(days, learned, strict=True)
    ]


def fit_shared(days: Sequence[Day], learned: Sequence[Learned]) -> Readout:
    """Fit one readout to the latents of the training windows of some days."""
    pairs = zip(days, learned, strict=True)
    latents = np.concatenate([embed(each.network, day.split.train) for day, each in pairs])
    values = np.concatenate([day.split.train.labels.values for day in days])
    return fit_readout(latents, values, days[0].split.train.labels.outputs)


def _proven(
    days: Sequence[Day], settings: TrainSettings, fitted: Sequence[Fitted]
) -> list[Trained]:
    """Score each day's decoder and its control on the day's held-out trials."""
    sources = [
        OtherSession(session=day.session.name, session_sha256=day.session.sha256) for day in days
    ]
    trained = []
    for number, (day, each) in enumerate(zip(days, fitted, strict=True)):
        others = (*sources[:number], *sources[number + 1 :])
        training = training_entry(day.session, settings, day.split.n_train, joint_with=others)
        trained.append(prove_fitted(day.session, day.split, training, settings.seed, each))
    return trained
