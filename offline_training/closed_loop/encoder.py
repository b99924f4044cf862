"""Recalibrate the encoder too, from a block in the loop and the session that it was trained on."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from offline_training.dataset.split import split_session
from offline_training.ner.networks.encoder_network import EncoderNetwork
from offline_training.options import pick_device
from offline_training.settings import TrainSettings, WindowSettings
from offline_training.training import exported_model, prove
from offline_training.transfer.alignment.align_day import Calibration, align_day
from offline_training.transfer.alignment.source_day import SourceDay, learn_source_day
from offline_training.transfer.matching.matching import activity, match_units
from offline_training.transfer.matching.tuning import tuning_similarity
from rt_ner.bundle.bundle import Bundle
from rt_ner.core.clock import NS_PER_MS
from rt_ner.data.session.session import Session
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.offline.held_out.split import Split
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.recalibration.readouts.refit import Recalibrated, compared, intended_session

# Hears the part of the work that is done, 0 to 1.
OnPart = Callable[[float], None]


def recalibrate_encoder(
    block: ClosedLoopBlock, in_use: Bundle, known: Session, device: str, on_part: OnPart
) -> Recalibrated:
    """Learn encoder and readout from ``known`` and the first reaches of a block; compare.

    ``known`` is the session that the bundle in use was trained on, which must have its channels.
    The new latents are others, so a classifier in use is left out.
    """
    session = intended_session(block, in_use)
    settings = _settings(in_use)
    source = learn_source_day(
        split_session(known, settings).train,
        settings,
        in_use.model.window.bin_ns,
        pick_device(device),
        lambda part, _: on_part(part / 3),
    )

    def fit(split: Split, stage: str) -> tuple[DecoderSpecification, None]:
        begun = 1 / 3 if stage == "training" else 2 / 3
        network = aligned_network(source, split, lambda part: on_part(begun + part / 3))
        ids = session.channel_ids
        model = exported_model(network, ids, split.shape, source.readout, split.train)
        return replace(model, voltage=session.voltage), None

    trained = prove(session, split_session(session, settings), settings, fit)
    return compared(trained, session, in_use.model)


def aligned_network(source: SourceDay, split: Split, on_part: OnPart) -> EncoderNetwork:
    """Align a known day's encoder to a split's training trials, by firing and by labels."""
    target = split.train
    tuning = tuning_similarity(source.dataset, target)
    matching = match_units(activity(source.dataset), activity(target), tuning)
    every = np.ones(len(target.labels), dtype=np.bool_)
    calibration = Calibration(target, every)
    return align_day(source, split, calibration, lambda _: matching, on_part).network


def _settings(in_use: Bundle) -> TrainSettings:
    """Return the settings of the bundle in use, with the window that it has, for outputs alone."""
    shape = in_use.model.window
    window = WindowSettings(
        hop_ms=shape.hop_ns / NS_PER_MS,
        bin_ms=shape.bin_ns / NS_PER_MS,
        history_bins=shape.history_bins,
    )
    settings = TrainSettings.model_validate(in_use.manifest.training.settings)
    return settings.model_copy(update={"window": window, "classes": ""})
