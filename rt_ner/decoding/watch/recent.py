"""Keep the newest seconds of counts per channel, and for how long each channel has been silent."""

import numpy as np

from rt_ner.core.arrays import Float32Array, FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.compiled.njit import njit

# Number of seconds that are kept. The two with the fewest and the two with the most spikes are
# left out, so that neither a short burst of artefacts nor a short pause decides.
N_SECONDS, _N_LEFT_OUT = 8, 2
N_MIDDLE = N_SECONDS - 2 * _N_LEFT_OUT


class RecentSeconds:
    """The newest seconds of an array's counts.

    Parameters
    ----------
    n_channels
        Number of channels.
    hop_ns
        Width of a hop, in ns. A second is rounded to whole hops.

    Attributes
    ----------
    second_s
        Length of a second, in s.
    n_full
        Number of seconds in a row that were counted, up to `N_SECONDS`.
    middle
        Mean counts per second, ``(channel,)``, of the newest `N_SECONDS`, without the seconds that
        stand out; as of the last completed second.
    sustained
        Counts that each channel reached in all of the newest `N_SECONDS` but one, ``(channel,)``.

    """

    def __init__(self, n_channels: int, hop_ns: int) -> None:
        self._hops_per_second = max(1, round(NS_PER_S / hop_ns))
        self._hop_s = hop_ns / NS_PER_S
        self.second_s = self._hops_per_second * self._hop_s
        self._open = np.zeros(n_channels)
        self._silent_hops: Int64Array = np.zeros(n_channels, dtype=np.int64)
        self._seconds: FloatArray = np.zeros((N_SECONDS, n_channels))
        self._n_hops = self._slot = 0
        self.n_full = 0
        self.middle: FloatArray = np.zeros(n_channels)
        self.sustained: FloatArray = np.zeros(n_channels)

    @property
    def oldest(self) -> FloatArray:
        """Counts of the oldest second that is kept, ``(channel,)``."""
        oldest: FloatArray = self._seconds[self._slot]
        return oldest

    @property
    def newest(self) -> FloatArray:
        """Counts of the newest second, ``(channel,)``."""
        newest: FloatArray = self._seconds[self._slot - 1]
        return newest

    @property
    def is_full(self) -> bool:
        """True if `N_SECONDS` were counted without a break."""
        return self.n_full == N_SECONDS

    @property
    def silence_s(self) -> FloatArray:
        """Time since each channel's last spike or the last break, ``(channel,)``, in s."""
        silence_s: FloatArray = self._silent_hops.astype(np.float64) * self._hop_s
        return silence_s

    def take(self, hop_counts: Float32Array) -> bool:
        """Take the counts ``(channel,)`` of a hop; return True if it completes a second."""
        _add(hop_counts, self._open, self._silent_hops)
        self._n_hops += 1
        if self._n_hops < self._hops_per_second:
            return False
        self._seconds[self._slot] = self._open
        self._slot = (self._slot + 1) % N_SECONDS
        self.n_full = min(self.n_full + 1, N_SECONDS)
        self._begin_second()
        in_order = np.argsort(self._seconds.sum(axis=1), kind="stable")
        self._seconds[in_order[_N_LEFT_OUT:-_N_LEFT_OUT]].mean(axis=0, out=self.middle)
        self.sustained[:] = np.partition(self._seconds, 1, axis=0)[1]
        return True

    def begin_again(self) -> None:
        """Forget everything, after a break."""
        self.n_full = 0
        self._silent_hops[:] = 0
        self._begin_second()

    def _begin_second(self) -> None:
        self._open[:] = 0.0
        self._n_hops = 0


@njit(cache=True)
def _add(hop_counts: Float32Array, second: FloatArray, silent_hops: Int64Array) -> None:
    """Add a hop to the open second, and to the silence of channels without a spike."""
    for channel in range(hop_counts.size):
        second[channel] += hop_counts[channel]
        silent_hops[channel] = 0 if hop_counts[channel] > 0.0 else silent_hops[channel] + 1
