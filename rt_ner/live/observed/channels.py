"""Keep each channel's firing rate, and tell dead and hot channels."""

import numpy as np

from rt_ner.core.arrays import BoolArray, FloatArray
from rt_ner.decoding.input.channels import hot_channels

# Time over which firing rates are averaged, and time without a spike after which one is dead.
_RATE_S, _DEAD_S = 1.0, 10.0


class ObservedChannels:
    """Firing rate of each channel, with dead and hot ones."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self.labels = labels
        self.rate_hz = np.zeros(len(labels))
        self._newest_s = np.nan
        self._heard_s = 0.0
        self._silent_s = np.zeros(len(labels))

    @property
    def dead(self) -> BoolArray:
        """Channels ``(channel,)`` that have been silent for long."""
        return np.asarray(self._silent_s >= _DEAD_S, dtype=np.bool_)

    @property
    def hot(self) -> BoolArray:
        """Channels ``(channel,)`` that fire far more than the others."""
        return hot_channels(self.rate_hz)

    def take(self, stamps_s: FloatArray, counts: FloatArray) -> bool:
        """Take the counts ``(hop, channel)`` of the time since the hop before.

        Return False if there are none, or they are of other channels.
        """
        if counts.shape[1:] != self.rate_hz.shape or not len(stamps_s):
            return False
        for stamp_s, spikes in zip(stamps_s.tolist(), counts, strict=True):
            hop_s = stamp_s - self._newest_s
            self._newest_s = stamp_s
            if not 0 < hop_s <= _RATE_S:
                continue
            self._heard_s += hop_s
            # At first a mean over everything that came, later over about a second.
            share = hop_s / min(self._heard_s, _RATE_S)
            self.rate_hz += share * (spikes / hop_s - self.rate_hz)
            self._silent_s = np.where(spikes > 0, 0.0, self._silent_s + hop_s)
        return True
