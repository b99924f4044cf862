"""Keep the window of counts, ending now, that the encoder sees.

A window is ``history_bins`` bins of ``bin_ns`` each, oldest first; the last one ends with the
newest hop. Counts are kept per hop and summed to bins, so that a hop may be shorter than a bin.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rt_ner.core.arrays import Float32Array, Int64Array
from rt_ner.core.compiled.njit import njit


class WindowShape(BaseModel):
    """The length of an encoder's window, and the interval between two windows.

    Attributes
    ----------
    hop_ns
        Time from one window to the next, in ns; it divides ``bin_ns``.
    bin_ns
        Width of a bin, in ns.
    history_bins
        Number of bins in the window, 1 to 1000.

    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    hop_ns: int = Field(gt=0)
    bin_ns: int = Field(gt=0)
    history_bins: int = Field(ge=1, le=1000)

    @model_validator(mode="after")
    def _hop_divides_bin(self) -> "WindowShape":
        if self.bin_ns % self.hop_ns:
            raise ValueError(
                f"a hop of {self.hop_ns / 1e6:g} ms does not divide a bin of "
                f"{self.bin_ns / 1e6:g} ms: choose a hop that does"
            )
        return self

    @property
    def hops_per_bin(self) -> int:
        """Number of hops in one bin."""
        return self.bin_ns // self.hop_ns

    @property
    def n_hops(self) -> int:
        """Number of hops in the whole window."""
        return self.hops_per_bin * self.history_bins

    @property
    def history_ns(self) -> int:
        """Length of the whole window, in ns."""
        return self.bin_ns * self.history_bins

    @property
    def in_words(self) -> str:
        """The window in words, such as "20 bins of 30 ms every 10 ms"."""
        widths_ms = (self.bin_ns / 1e6, self.hop_ns / 1e6)
        return f"{self.history_bins} bins of {widths_ms[0]:g} ms every {widths_ms[1]:g} ms"


# Slots of the window's state vector.
_NEXT_SLOT, _FILLED, _NEWEST_END_NS, _N_GAPS = range(4)


class Window:
    """The newest hops of counts, and the bins that they add up to.

    Parameters
    ----------
    shape
        Hop, bin and number of bins.
    n_channels
        Number of channels.

    Attributes
    ----------
    newest
        Counts of the bin that ends now, ``(channel,)``.
    values
        Counts of all bins as of the last `sum_up`, ``(1, bin, channel)``, oldest first. Both
        arrays are rewritten in place, because encoders are bound to them.

    """

    def __init__(self, shape: WindowShape, n_channels: int) -> None:
        self._hop_ns = shape.hop_ns
        self.hops_per_bin = shape.hops_per_bin
        self.n_hops = shape.n_hops
        self._ring = np.zeros((shape.n_hops, n_channels), dtype=np.float32)
        self._state = np.zeros(4, dtype=np.int64)
        self.newest: Float32Array = np.zeros(n_channels, dtype=np.float32)
        self.values: Float32Array = np.zeros((1, shape.history_bins, n_channels), dtype=np.float32)

    @property
    def n_gaps(self) -> int:
        """Number of times that the history started afresh, because hops were missing."""
        return int(self._state[_N_GAPS])

    def reset(self) -> None:
        """Forget the history."""
        self._state[_FILLED] = 0

    def push(self, end_ns: int, hop_counts: Float32Array) -> bool:
        """Take the counts ``(channel,)`` of a hop; return True if the window is full.

        A hop that does not follow the last one starts the history afresh, because a window with a
        hole, or one padded with zeros, would hold counts that were never measured.
        """
        return bool(
            _push(
                end_ns,
                hop_counts,
                self._hop_ns,
                self.hops_per_bin,
                self._state,
                self._ring,
                self.newest,
            )
        )

    def sum_up(self) -> None:
        """Rewrite ``values`` from the hops."""
        _sum_bins(self._ring, self._state[_NEXT_SLOT], self.hops_per_bin, self.values)

    def all_bins(self) -> Float32Array:
        """Return the bins ``(hop, channel)`` that end with each hop of the window, oldest first.

        The first ones begin before the history does; no encoder looks at them.
        """
        hops = np.roll(self._ring, -int(self._state[_NEXT_SLOT]), axis=0)
        bins = np.zeros_like(hops)
        for back in range(self.hops_per_bin):
            bins[back:] += hops[: len(hops) - back]
        return bins


@njit(cache=True)
def _sum_bins(
    ring: Float32Array, oldest_slot: int, hops_per_bin: int, values: Float32Array
) -> None:
    """Sum the ring's hops, oldest first, to bins. Counts are integers, so the sums are exact."""
    values[:] = 0
    slot = oldest_slot
    for hop in range(ring.shape[0]):
        for channel in range(ring.shape[1]):
            values[0, hop // hops_per_bin, channel] += ring[slot, channel]
        slot += 1
        if slot == ring.shape[0]:
            slot = 0


@njit(cache=True)
def _push(
    end_ns: int,
    hop_counts: Float32Array,
    hop_ns: int,
    hops_per_bin: int,
    state: Int64Array,
    ring: Float32Array,
    newest: Float32Array,
) -> bool:
    """Put a hop into the ring and sum up the newest bin; return True if the ring is full."""
    if end_ns != state[_NEWEST_END_NS] + hop_ns:
        state[_N_GAPS] += state[_FILLED] > 0
        state[_FILLED] = 0
    state[_NEWEST_END_NS] = end_ns
    slot = state[_NEXT_SLOT]
    ring[slot] = hop_counts
    state[_NEXT_SLOT] = (slot + 1) % ring.shape[0]
    state[_FILLED] = min(state[_FILLED] + 1, ring.shape[0])
    newest[:] = hop_counts
    for back in range(1, hops_per_bin):
        newest += ring[(slot - back) % ring.shape[0]]
    return bool(state[_FILLED] == ring.shape[0])
