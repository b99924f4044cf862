"""Recalibration: another decoder from what a block in the loop shows was meant."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from offline_training.dataset.split import split_session
from offline_training.ner.networks.encoder_network import EncoderNetwork
from offline_training.ner.readouts.kalman_readout import fit_kalman
from offline_training.settings import TrainSettings, WindowSettings
from offline_training.training import exported_model, prove
from offline_training.transfer.alignment.align_day import Calibration, align_day
from offline_training.transfer.alignment.matching import activity, match_units, tuning_similarity
from offline_training.transfer.alignment.source_day import SourceDay, learn_source_day
from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.verification import run_windows
from rt_ner.core.arrays import Float32Array
from rt_ner.core.clock import NS_PER_MS
from rt_ner.core.errors import SessionError
from rt_ner.data.session.session import Session
from rt_ner.decoding.decoder import DecoderSpecification
from rt_ner.decoding.readout import Readout, fit_readout
from rt_ner.offline.decoding import decode_session
from rt_ner.offline.held_out.proof import Trained
from rt_ner.offline.held_out.split import Split
from rt_ner.offline.scores import Comparison, compare, only_trials
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.recalibration.intention import mean_angle_deg, refit_labels

# Told the part of the work that is done.
OnPart = Callable[[float], None]

# With fewer there is nothing to hold out that would tell two decoders apart.
_FEWEST_REACHES = 10


@dataclass(frozen=True, eq=False)
class Recalibrated:
    """A decoder that was fitted to a block's first reaches, beside the one in use.

    ``…_deg``: mean angle between decoded and intended velocity on the last reaches, from which
    nothing was fitted. It need not tell who is better in the loop.
    """

    trained: Trained
    in_use_deg: float
    refitted_deg: float

    @property
    def is_better(self) -> bool:
        """Whether it decodes the held-out reaches better than the one in use."""
        return self.refitted_deg < self.in_use_deg


def recalibrate_readout(block: ClosedLoopBlock, in_use: Bundle) -> Recalibrated:
    """Fit a readout to the first reaches of a block; compare on the rest.

    SessionError where the block has too few reaches, or was decoded from other channels.
    """
    model = in_use.model
    session = _labelled(block, in_use)
    settings = _settings(in_use)

    def fit(split: Split, _what: str) -> tuple[DecoderSpecification, None]:
        latents, in_use_cm_s = run_windows(model, split.train.windows.astype(np.float32))
        labels = split.train.labels
        if model.readout.memory.any():
            readout = fit_kalman(latents, labels, split.shape.hop_ns, is_white=False)
        else:
            fitted = fit_readout(latents, labels.velocity_cm_s)
            moving = labels.velocity_cm_s.any(axis=1)
            readout = as_fast(fitted, latents[moving], in_use_cm_s[moving])
        return replace(model, readout=readout), None

    return compared(prove(session, split_session(session, settings), settings, fit), session, model)


def recalibrate_encoder(
    block: ClosedLoopBlock, in_use: Bundle, known: Session, device: torch.device, on_part: OnPart
) -> Recalibrated:
    """Learn encoder and readout from ``known`` and the first reaches of a block; compare.

    ``known``: the session that the bundle in use was trained on, which must have its channels.
    """
    session = _labelled(block, in_use)
    settings = _settings(in_use)
    first = learn_source_day(
        split_session(known, settings).train,
        settings,
        in_use.model.window.bin_ns,
        device,
        lambda part, _: on_part(part / 3),
    )

    def fit(split: Split, what: str) -> tuple[DecoderSpecification, None]:
        begun = 1 / 3 if what == "training" else 2 / 3
        network = aligned_network(first, split, lambda part: on_part(begun + part / 3))
        ids = session.channel_ids
        return exported_model(network, ids, split.shape, first.readout), None

    split = split_session(session, settings)
    return compared(prove(session, split, settings, fit), session, in_use.model)


def aligned_network(first: SourceDay, split: Split, on_part: OnPart) -> EncoderNetwork:
    """A known day's encoder, stitched to a split's training part by firing and by labels."""
    second = split.train
    tuning = tuning_similarity(first.dataset, second)
    matching = match_units(activity(first.dataset), activity(second), tuning)
    return align_day(first, split, Calibration(second, True), matching, on_part).network


def compared(trained: Trained, session: Session, in_use: DecoderSpecification) -> Recalibrated:
    """A decoder that was fitted to a session's first trials, and the one in use, on the rest."""
    first = trained.bundle.manifest.training.n_train_trials
    before = only_trials(_decoded(session, in_use), first, len(session.trials))
    return Recalibrated(trained, mean_angle_deg(before), mean_angle_deg(trained.held_out))


def as_fast(readout: Readout, latents: Float32Array, in_use_cm_s: Float32Array) -> Readout:
    """The readout, scaled so that its mean squared speed is that in use ``(hop, 2)``.

    Least squares shrinks what it can't predict, and so makes the cursor slower with each refit: in
    the loop that costs more than better directions bring.
    """
    refitted_cm_s = latents @ readout.matrix + readout.bias
    scale = float(np.sqrt(np.square(in_use_cm_s).sum() / np.square(refitted_cm_s).sum()))
    return Readout(scale * readout.matrix, scale * readout.bias, readout.unit)


def _labelled(block: ClosedLoopBlock, in_use: Bundle) -> Session:
    """The block's reaches with what was meant, as fast as the bundle in use decodes."""
    if block.n_reaches < _FEWEST_REACHES:
        raise SessionError(
            f"{block.n_reaches} reaches: expected {_FEWEST_REACHES} or more, some to fit to and "
            "some to compare on"
        )
    labels, known = refit_labels(block)
    scale = _own_speed(block, in_use.model)
    return block.session("closed-loop", labels * scale, known, in_use.manifest.training.area)


def _settings(in_use: Bundle) -> TrainSettings:
    """What the bundle in use was trained with, and the window that it has."""
    shape = in_use.model.window
    window = WindowSettings(
        hop_ms=shape.hop_ns / NS_PER_MS,
        bin_ms=shape.bin_ns / NS_PER_MS,
        history_bins=shape.history_bins,
    )
    settings = TrainSettings.model_validate(in_use.manifest.training.settings)
    return settings.model_copy(update={"window": window})


def _own_speed(block: ClosedLoopBlock, model: DecoderSpecification) -> float:
    """What to multiply what was sent by, so that the operator's gain is not learned."""
    moves = np.hypot(*block.decoded_cm_s.T) > 0
    session = block.session("speed", block.decoded_cm_s, moves)
    both = _decoded(session, model)
    sent, own = np.square(both.labels.velocity_cm_s).sum(), np.square(both.decoded_cm_s).sum()
    return float(np.sqrt(own / sent)) if sent else 1.0


def _decoded(session: Session, model: DecoderSpecification) -> Comparison:
    return compare(decode_session(model, session), session, model.window.hop_ns)
