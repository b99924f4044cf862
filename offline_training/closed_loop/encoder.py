"""Recalibrate the encoder from use in the loop."""

from collections.abc import Callable
from dataclasses import replace

from offline_training.closed_loop.refinement import network_of, refined
from offline_training.dataset.split import split_session
from offline_training.ner.networks.encoder_network import embed
from offline_training.ner.readouts.class_readout import carried_classifier
from offline_training.ner.readouts.kalman_readout import fit_kalman
from offline_training.settings import TrainSettings, WindowSettings
from offline_training.training import exported_model, prove
from rt_ner.bundle.assembly import assemble_bundle
from rt_ner.bundle.bundle import Bundle
from rt_ner.core.clock import NS_PER_MS
from rt_ner.core.errors import SessionError
from rt_ner.data.session.session import Session
from rt_ner.decoding.encoding.weights import EncoderWeights
from rt_ner.decoding.readouts.readout import fit_readout
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.held_out.split import Split
from rt_ner.offline.normalisation.settled import decode_windows, settled
from rt_ner.recalibration.intention.labels import mean_angle_deg
from rt_ner.recalibration.readouts.refit import (
    Recalibrated,
    compared,
    held_out_comparison,
    intended_session,
)
from rt_ner.recalibration.use import Use

# Steps of a recalibration; some minutes of use can't fill more.
USUAL_STEPS = 600
# Called with the part of the work that is done, 0 to 1.
OnPart = Callable[[float], None]


def recalibrate_encoder(use: Use, in_use: Bundle, on_part: OnPart) -> Recalibrated:
    """Train the encoder further on the first reaches of closed-loop use; compare on the rest.

    The readout is kept, unless it is a Kalman filter: that is fitted to the new latents, and so is
    a classifier. SessionError if there are too few reaches, they were decoded from other channels,
    the bundle holds no weights, or its classifier can't be fitted.
    """
    session, model = intended_session(use, in_use), in_use.model
    settings = _settings(in_use, _weights_of(model))

    def fit(split: Split, stage: str) -> tuple[DecoderSpecification, None]:
        is_control = stage != "training"
        begun = 0.5 if is_control else 0.0
        learned = _further(
            model, split, settings, USUAL_STEPS, lambda part: on_part(begun + part / 2)
        )
        return learned if is_control else _classifying(learned, model, session, split.train), None

    trained = prove(session, split_session(session, settings), settings, fit)
    return compared(trained, session, model)


def better_bundle(use: Use, in_use: Bundle, steps: int) -> Bundle | None:
    """Return the bundle that learned from the first reaches; None if it isn't better on the rest.

    As `recalibrate_encoder`, but without a control on shuffled labels, in any number of steps; the
    scores in the bundle stay those of the one in use.
    """
    session, model = intended_session(use, in_use), in_use.model
    settings = _settings(in_use, _weights_of(model))
    split = split_session(session, settings)
    learned = _further(model, split, settings, steps, lambda _: None)
    learned = _classifying(learned, model, session, split.train)
    before, after = (
        mean_angle_deg(held_out_comparison(each, session, split.n_train))
        for each in (model, learned)
    )
    if after >= before:
        return None
    training, scores = in_use.manifest.training, in_use.manifest.scores
    return assemble_bundle(learned, in_use.golden.windows, training, scores)


def _weights_of(model: DecoderSpecification) -> EncoderWeights:
    if model.weights is None:
        raise SessionError(
            "the bundle's encoder can't be trained further, because its latents are unit vectors: "
            "use rt-ner recalibrate --part readout, or train a bundle with unit_norm = false"
        )
    return model.weights


def _further(
    model: DecoderSpecification,
    split: Split,
    settings: TrainSettings,
    steps: int,
    on_part: OnPart,
) -> DecoderSpecification:
    """Return the decoder after its encoder has learned from the training part of a split."""
    network = network_of(model, _weights_of(model), split.train, settings)
    readout, labels = model.readout, split.train.labels
    is_filter = bool(readout.memory.any())
    if is_filter:  # A filter can't decode a window on its own: learn through a linear one.
        readout = fit_readout(embed(network, split.train), labels.values)
    network = refined(network, split.train, readout, settings, steps, on_part)
    if is_filter:
        latents = embed(network, split.train)
        readout = fit_kalman(latents, labels, split.shape.hop_ns, is_white=False)
    found = exported_model(network, model.channel_ids, split.shape, readout, split.train)
    return replace(found, voltage=model.voltage)


def _classifying(
    learned: DecoderSpecification, in_use: DecoderSpecification, session: Session, train: Dataset
) -> DecoderSpecification:
    """Return a decoder with the classifier of the one in use, if any, fitted to its latents."""
    if in_use.classifier is None:
        return learned
    before, after = (
        decode_windows(settled(model, session), session, train)[0] for model in (in_use, learned)
    )
    return replace(learned, classifier=carried_classifier(in_use.classifier, before, after))


def _settings(in_use: Bundle, weights: EncoderWeights) -> TrainSettings:
    """Return the training settings of the bundle in use, with the window and network it has."""
    shape, model = in_use.model.window, in_use.model
    window = WindowSettings(
        hop_ms=shape.hop_ns / NS_PER_MS,
        bin_ms=shape.bin_ns / NS_PER_MS,
        history_bins=shape.history_bins,
    )
    settings = TrainSettings.model_validate(in_use.manifest.training.settings)
    is_followed = "on" if model.normalisation else "off"
    own = {
        "window": window,
        "classes": "",
        "temporal_basis": weights.basis.shape[1],
        "hidden_units": (weights.first_bias.size, weights.second_bias.size),
        "latent_dim": weights.latent_bias.size,
        "normalisation": settings.normalisation.model_copy(update={"use": is_followed}),
    }
    return settings.model_copy(update=own)
