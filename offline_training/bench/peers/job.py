"""The job of every peer between its two LSL hops, in NumPy and eager torch.

Per hop: a bin of counts, a window of bins, a network of the decoder's size, a velocity.
"""

import numpy as np
import torch
from torch import nn

from offline_training.settings import TrainSettings
from rt_ner.core.arrays import AnyArray, Float32Array
from rt_ner.core.contract.kinds import Kind
from rt_ner.lsl.discovery import query_for

# LSL type of the velocity stream, by which the sink finds it.
(VELOCITY_TYPE,) = query_for("", Kind.VELOCITY).lsl_types
_HOPS_PER_BIN = 3


class Job:
    """Window and network of a decoder of the usual size, with random weights."""

    def __init__(self, n_channels: int) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(0)
        settings = TrainSettings()
        first, second = settings.hidden_units
        bins = settings.window.history_bins
        self._hops = np.zeros((bins * _HOPS_PER_BIN, n_channels), dtype=np.float32)
        self._network = nn.Sequential(
            nn.Linear(settings.temporal_basis * n_channels, first),
            nn.ReLU(),
            nn.Linear(first, second),
            nn.ReLU(),
            nn.Linear(second, settings.latent_dim),
            nn.Linear(settings.latent_dim, 2),
        ).eval()
        self._basis = torch.rand(settings.temporal_basis, bins)

    def take(self, counts: AnyArray) -> Float32Array:
        """Add the counts ``(channel,)`` of a hop, and return the velocity ``(2,)``."""
        self._hops = np.roll(self._hops, -1, axis=0)
        self._hops[-1] = counts
        window = self._hops.reshape(-1, _HOPS_PER_BIN, self._hops.shape[1]).sum(axis=1)
        with torch.inference_mode():
            smoothed = self._basis @ torch.from_numpy(np.sqrt(window))
            velocity: Float32Array = self._network(smoothed.reshape(1, -1))[0].numpy()
        return velocity


class Hops:
    """Sums of samples per hop; hops begin at whole multiples of ``hop_ns``."""

    def __init__(self, n_channels: int, hop_ns: int) -> None:
        self._hop_ns = hop_ns
        self._counts = np.zeros(n_channels, dtype=np.float32)

    def take(self, sample: AnyArray, stamp_s: float) -> Float32Array | None:
        """Add a sample; return the hop's counts if it was the last sample of a hop, else None."""
        self._counts += sample
        if round(stamp_s * 1e9) % self._hop_ns:
            return None
        counts, self._counts = self._counts, np.zeros_like(self._counts)
        return counts
