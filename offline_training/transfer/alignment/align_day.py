"""Carrying: a second day's encoder from a first day's ensemble, and how it decodes."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from offline_training.ner.distillation import distill
from offline_training.ner.networks.encoder_network import EncoderNetwork, all_features, embed
from offline_training.transfer.alignment.matching import Matching
from offline_training.transfer.alignment.source_day import SourceDay, Stitched, learn_second_day
from rt_ner.core.arrays import AnyArray
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.held_out.split import Split
from rt_ner.offline.scores import Comparison

# How much of the time goes into learning, before teaching; only for the progress.
_LEARNING_SHARE = 0.6
_N_RANDOM_MATCHES = 5


@dataclass(frozen=True, eq=False)
class Calibration:
    """Windows of the second day, and whether their labels may be looked at."""

    windows: Dataset
    with_labels: bool


@dataclass(frozen=True, eq=False)
class Carried:
    """The encoder to be exported, and what its ensemble's average makes of the held-out trials."""

    network: EncoderNetwork
    ensemble: Comparison


def align_day(
    first: SourceDay,
    split: Split,
    calibration: Calibration,
    matching: Matching,
    on_part: Callable[[float], None],
) -> Carried:
    """Stitch the second day to the first one's ensemble, and teach one encoder what that gives.

    Without labels the ensemble stays as it is behind the match.
    """
    windows, seed = calibration.windows, first.settings.seed
    torch.manual_seed(seed)
    stitched = Stitched(first, matching, windows.windows.shape[2])
    share = _LEARNING_SHARE if calibration.with_labels else 0.0
    if calibration.with_labels:
        learn_second_day(stitched, first, windows, seed, lambda part, _: on_part(share * part))
    network = distill(
        windows,
        first.settings,
        first.ensemble.features.device,
        stitched.average,
        lambda part: on_part(share + (1 - share) * part),
    )
    return Carried(network, decode_stitched(first, stitched, split, windows))


def decode_stitched(
    first: SourceDay, stitched: Stitched, split: Split, windows: Dataset
) -> Comparison:
    """Held-out trials through the stitched ensemble, standardised as the windows are."""
    own = EncoderNetwork(windows, first.settings).to(first.ensemble.features.device)
    latents = stitched.average(all_features(own, split.test)).cpu().numpy()
    return read_out(first, split, latents)


def decode_carried(first: SourceDay, split: Split, carried: Carried) -> Comparison:
    """Held-out trials through the encoder to be exported."""
    return read_out(first, split, embed(carried.network, split.test))


def read_out(first: SourceDay, split: Split, latents: AnyArray) -> Comparison:
    """Latents ``(hop, latent)`` of held-out trials through the first day's readout."""
    decoded_cm_s = latents @ first.readout.matrix + first.readout.bias
    return Comparison(split.test.labels, latents, decoded_cm_s, split.shape.hop_ns)


def random_match_r2(first: SourceDay, split: Split, windows: Dataset, matching: Matching) -> float:
    """Velocity R² of the ensemble behind as many pairs at random, a mean of several draws.

    What it decodes through a match that knows nothing: the control where there are no labels.
    """
    rng = np.random.default_rng(first.settings.seed)
    n_second = windows.windows.shape[2]
    scores = []
    for _ in range(_N_RANDOM_MATCHES):
        strangers = rng.permutation(n_second)[: len(matching.pairs)]
        pairs = np.stack([matching.pairs[:, 0], strangers], axis=1)
        stitched = Stitched(first, replace(matching, pairs=pairs), n_second)
        scores.append(decode_stitched(first, stitched, split, windows).velocity_r2())
    return float(np.mean(scores))
