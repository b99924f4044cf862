"""Align a source day's ensemble to a target day, and decode that day with it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from offline_training.ner.distillation import Taught, distill
from offline_training.ner.networks.encoder_network import EncoderNetwork, embed
from offline_training.ner.networks.features import HOPS_AT_ONCE
from offline_training.transfer.alignment.pseudo_labels import (
    known_outputs,
    pseudo_labels,
    with_true_labels,
)
from offline_training.transfer.alignment.source_day import (
    LabelledDay,
    SourceDay,
    Stitched,
    day_features,
    learn_target_day,
)
from offline_training.transfer.matching.matching import Matching
from rt_ner.core.arrays import AnyArray, BoolArray, FloatArray
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.held_out.split import Split
from rt_ner.offline.labels import Labels, shuffle_trials
from rt_ner.offline.scores import Comparison

# Share of the time that learning takes, before distillation; used only to show progress.
_LEARNING_SHARE = 0.6
_N_RANDOM_MATCHES = 5


# Returns the match of a day's units; with labelled windows, their tuning counts too.
Match = Callable[[Dataset | None], Matching]


@dataclass(frozen=True, eq=False)
class Calibration:
    """Calibration windows of the target day.

    Labels are looked at only where ``is_labelled`` ``(hop,)`` is True. ``is_shuffled``: a control,
    whose labels have lost their relation to the spikes.
    """

    windows: Dataset
    is_labelled: BoolArray
    is_shuffled: bool = False


@dataclass(frozen=True, eq=False)
class AlignedDay:
    """The encoder to export, and the held-out trials as its ensemble decodes them."""

    network: EncoderNetwork
    ensemble: Comparison


def align_day(
    source: SourceDay,
    split: Split,
    calibration: Calibration,
    match: Match,
    on_part: Callable[[float], None],
) -> AlignedDay:
    """Stitch the target day to the source day's ensemble, and distill that into one encoder.

    Trials without labels get pseudo-labels from the decoder of the known days. ``split`` is that
    of the target day; only its held-out trials are used.
    """
    windows, seed = calibration.windows, source.settings.seed
    torch.manual_seed(seed)
    day, matching = _labelled(source, calibration, match)
    stitched = Stitched(source, matching, windows.windows.shape[2])
    learn_target_day(stitched, source, day, seed, lambda part, _: on_part(_LEARNING_SHARE * part))
    (network,) = distill(
        [Taught(windows, stitched.average)],
        source.settings,
        source.ensemble.features.device,
        lambda part: on_part(_LEARNING_SHARE + (1 - _LEARNING_SHARE) * part),
    )
    return AlignedDay(network, decode_stitched(source, stitched, split, windows))


def _labelled(
    source: SourceDay, calibration: Calibration, match: Match
) -> tuple[LabelledDay, Matching]:
    """Return the calibration windows with true or pseudo-labels, and the match of the units.

    Units that are matched by their firing are matched once more, by their tuning to these too.
    """
    windows, is_true = calibration.windows, calibration.is_labelled
    labels, matching = windows.labels, match(None)
    if not is_true.all():
        labels = _guessed(source, calibration, matching)
    if calibration.is_shuffled:
        labels = shuffle_trials(labels, np.random.default_rng(source.settings.seed))
    if not matching.by_name:
        matching = match(replace(windows, labels=labels))
        if not is_true.all() and not calibration.is_shuffled:
            labels = _guessed(source, calibration, matching)
    return LabelledDay(replace(windows, labels=labels), is_true), matching


def _guessed(source: SourceDay, calibration: Calibration, matching: Matching) -> Labels:
    """Return pseudo-labels by a match of the units, and the true ones where there are any."""
    windows = calibration.windows
    stitched = Stitched(source, matching, windows.windows.shape[2])
    decoded = source.readout.mapped(stitched_latents(source, stitched, windows, windows))
    guessed = pseudo_labels(decoded, windows.labels, known_outputs(source.dataset.labels))
    return with_true_labels(guessed, windows.labels, calibration.is_labelled)


def decode_stitched(
    source: SourceDay, stitched: Stitched, split: Split, windows: Dataset
) -> Comparison:
    """Decode held-out trials with the stitched ensemble, standardised by ``windows``."""
    return read_out(source, split, stitched_latents(source, stitched, windows, split.test))


def stitched_latents(
    source: SourceDay, stitched: Stitched, windows: Dataset, decoded: Dataset
) -> FloatArray:
    """Return latents ``(hop, latent)`` of the stitched ensemble, standardised by ``windows``."""
    features = day_features(source, decoded, known=windows)
    parts = [stitched.average(part) for part in features.split(HOPS_AT_ONCE)]
    return torch.cat(parts).cpu().numpy().astype(np.float64)


def decode_aligned(source: SourceDay, split: Split, aligned: AlignedDay) -> Comparison:
    """Decode held-out trials with the encoder to export."""
    return read_out(source, split, embed(aligned.network, split.test))


def read_out(source: SourceDay, split: Split, latents: AnyArray) -> Comparison:
    """Decode latents ``(hop, latent)`` of held-out trials with the source day's readout."""
    return Comparison(
        split.test.labels, latents, source.readout.mapped(latents), split.shape.hop_ns
    )


def random_match(matching: Matching, n_target: int, rng: np.random.Generator) -> Matching:
    """Return a match of as many pairs, with units of the target day drawn at random."""
    random_units = rng.permutation(n_target)[: len(matching.pairs)]
    return replace(matching, pairs=np.stack([matching.pairs[:, 0], random_units], axis=1))


def random_match_r2(source: SourceDay, split: Split, windows: Dataset, matching: Matching) -> float:
    """Return the mean R² of the ensemble behind random matches of as many pairs.

    This is the control for a transfer without labels.
    """
    rng = np.random.default_rng(source.settings.seed)
    n_target = windows.windows.shape[2]
    scores = []
    for _ in range(_N_RANDOM_MATCHES):
        stitched = Stitched(source, random_match(matching, n_target, rng), n_target)
        scores.append(decode_stitched(source, stitched, split, windows).r2())
    return float(np.mean(scores))
