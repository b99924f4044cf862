"""Compute an encoder's input features from windows; keep them in memory if they fit."""

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from rt_ner.core.arrays import Int64Array
from rt_ner.offline.dataset import Dataset

if TYPE_CHECKING:
    from offline_training.ner.networks.encoder_network import EncoderNetwork

HOPS_AT_ONCE = 4096
# Overlapping windows share their counts in memory; features don't, and are far larger.
_MOST_KEPT_BYTES = 400_000_000


class Features:
    """Features ``(hop, bump, channel)`` of a dataset's windows ``(hop, bin, channel)``.

    A bump is one smooth basis function over the history. For long recordings, features are
    computed each time they are needed.
    """

    def __init__(self, network: "EncoderNetwork", dataset: Dataset) -> None:
        self._network = network
        self._windows = dataset.windows
        self._scales = dataset.scales
        n_bytes = 4 * len(self) * network.basis.shape[1] * self._windows.shape[2]
        every = np.arange(len(self))
        n_parts = len(self) // HOPS_AT_ONCE + 1
        self._kept = (
            torch.cat([self._made(part) for part in np.array_split(every, n_parts)])
            if n_bytes <= _MOST_KEPT_BYTES
            else None
        )

    def __len__(self) -> int:
        return len(self._windows)

    @property
    def device(self) -> torch.device:
        """Device that the features are on."""
        return self._network.mean.device

    def __getitem__(self, rows: slice | Int64Array) -> torch.Tensor:
        """Return the features ``(…, bump, channel)`` of some rows."""
        if self._kept is not None:
            return self._kept[rows if isinstance(rows, slice) else torch.from_numpy(rows)]
        return self._made(rows)

    @cached_property
    def silence(self) -> torch.Tensor:
        """Features ``(bump, channel)`` of channels without a single spike."""
        return self._network.features(torch.zeros(self._windows.shape[1:], device=self.device))

    def split(self, n: int) -> Iterator[torch.Tensor]:
        """Yield all features, ``n`` hops at a time."""
        for first in range(0, len(self), n):
            yield self[first : first + n]

    def _made(self, rows: slice | Int64Array) -> torch.Tensor:
        counts = torch.from_numpy(self._windows[rows].astype(np.float32, order="C"))
        return self._network.features(counts.to(self.device), self._scale(rows))

    def _scale(self, rows: slice | Int64Array) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Return gains and offsets ``(…, 1, channel)`` of some rows; None without any."""
        if self._scales is None:
            return None
        update = self._scales.update[rows]
        both = (self._scales.gain[update], self._scales.offset[update])
        gain, offset = (torch.from_numpy(each[..., None, :]).to(self.device) for each in both)
        return gain, offset
