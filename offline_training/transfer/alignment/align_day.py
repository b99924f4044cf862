"""Align a source day's ensemble to a target day, and decode that day with it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from offline_training.ner.distillation import distill
from offline_training.ner.networks.encoder_network import EncoderNetwork, embed
from offline_training.ner.networks.features import Features
from offline_training.transfer.matching.matching import Matching
from offline_training.transfer.alignment.source_day import SourceDay, Stitched, learn_target_day
from rt_ner.core.arrays import AnyArray
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.held_out.split import Split
from rt_ner.offline.scores import Comparison

# Share of the time that learning takes, before distillation; used only to show progress.
_LEARNING_SHARE = 0.6
_N_RANDOM_MATCHES = 5


@dataclass(frozen=True, eq=False)
class Calibration:
    """Calibration windows of the target day; labels are used only if ``with_labels`` is True."""

    windows: Dataset
    with_labels: bool


@dataclass(frozen=True, eq=False)
class AlignedDay:
    """The encoder to export, and the held-out trials as its ensemble decodes them."""

    network: EncoderNetwork
    ensemble: Comparison


def align_day(
    source: SourceDay,
    split: Split,
    calibration: Calibration,
    matching: Matching,
    on_part: Callable[[float], None],
) -> AlignedDay:
    """Stitch the target day to the source day's ensemble, and distill that into one encoder.

    Without labels, the ensemble is not trained further. ``split`` is the target day's; only its
    held-out trials are used.
    """
    windows, seed = calibration.windows, source.settings.seed
    torch.manual_seed(seed)
    stitched = Stitched(source, matching, windows.windows.shape[2])
    share = _LEARNING_SHARE if calibration.with_labels else 0.0
    if calibration.with_labels:
        learn_target_day(stitched, source, windows, seed, lambda part, _: on_part(share * part))
    network = distill(
        windows,
        source.settings,
        source.ensemble.features.device,
        stitched.average,
        lambda part: on_part(share + (1 - share) * part),
    )
    return AlignedDay(network, decode_stitched(source, stitched, split, windows))


def decode_stitched(
    source: SourceDay, stitched: Stitched, split: Split, windows: Dataset
) -> Comparison:
    """Decode held-out trials with the stitched ensemble, standardised by ``windows``."""
    own = EncoderNetwork(windows, source.settings).to(source.ensemble.features.device)
    latents = stitched.average(Features(own, split.test)[:]).cpu().numpy()
    return read_out(source, split, latents)


def decode_aligned(source: SourceDay, split: Split, aligned: AlignedDay) -> Comparison:
    """Decode held-out trials with the encoder to export."""
    return read_out(source, split, embed(aligned.network, split.test))


def read_out(source: SourceDay, split: Split, latents: AnyArray) -> Comparison:
    """Decode latents ``(hop, latent)`` of held-out trials with the source day's readout."""
    decoded_cm_s = latents @ source.readout.matrix + source.readout.bias
    return Comparison(split.test.labels, latents, decoded_cm_s, split.shape.hop_ns)


def random_match_r2(source: SourceDay, split: Split, windows: Dataset, matching: Matching) -> float:
    """Return the mean velocity R² of the ensemble behind random matches of as many pairs.

    This is the control for a transfer without labels.
    """
    rng = np.random.default_rng(source.settings.seed)
    n_target = windows.windows.shape[2]
    scores = []
    for _ in range(_N_RANDOM_MATCHES):
        random_units = rng.permutation(n_target)[: len(matching.pairs)]
        pairs = np.stack([matching.pairs[:, 0], random_units], axis=1)
        stitched = Stitched(source, replace(matching, pairs=pairs), n_target)
        scores.append(decode_stitched(source, stitched, split, windows).r2())
    return float(np.mean(scores))
