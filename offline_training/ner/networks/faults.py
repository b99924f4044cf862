"""Put random faults of the input into features, so that an encoder learns to withstand them."""

import torch

from offline_training.settings import FaultSettings
from rt_ner.offline.faults.corruption import bank_size


def with_faults(
    features: torch.Tensor, silence: torch.Tensor, faults: FaultSettings
) -> torch.Tensor:
    """Return features ``(case, bump, channel)``, each case with faults of its own.

    ``silence``: features of channels without a single spike, ``(bump, channel)``. Features are
    linear in root counts, so that the distance from silence grows with the root of the gain.
    """
    if faults == FaultSettings():
        return features
    return silence + _root_gain(features[:, :1], faults) * (features - silence)


def _root_gain(like: torch.Tensor, faults: FaultSettings) -> torch.Tensor:
    """Return random factors ``(case, 1, channel)`` of root counts; 0 for dead channels."""
    n_channels, each = like.shape[-1], like[..., :1]
    is_dead = torch.rand_like(like) < 2 * faults.dead_channels * torch.rand_like(each)
    first = torch.randint_like(each, n_channels)
    place = (torch.arange(n_channels, device=like.device) - first) % n_channels
    is_dead |= (place < bank_size(n_channels)) & (torch.rand_like(each) < faults.dead_bank)
    gain = torch.exp(0.5 * faults.gain_noise * torch.randn_like(each))
    return torch.where(is_dead, torch.zeros_like(like), gain)
