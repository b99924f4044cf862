"""Windows: the stretch of counts, ending now, that the encoder sees.

A window is ``history_bins`` bins of ``bin_ns`` each, oldest first, the last one ending with the
newest hop. Counts are kept a hop and summed to bins, so that a hop may be shorter than a bin.
"""

import numpy as np
import numpy.typing as npt
from numba import njit
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rt_ner.messages import FloatVector


class WindowShape(BaseModel):
    """How much of the past an encoder sees, and how often it looks. All times in ns."""

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
        """Hops in one bin."""
        return self.bin_ns // self.hop_ns

    @property
    def n_hops(self) -> int:
        """Hops in the whole window."""
        return self.hops_per_bin * self.history_bins


class Window:
    """The newest hops of counts, and their sums a bin: ``values`` is ``(1, bin, channel)``.

    ``values`` is one buffer, rewritten at every hop; the encoder is bound to it.
    """

    def __init__(self, shape: WindowShape, n_channels: int) -> None:
        self._shape = shape
        self._ring = np.zeros((shape.n_hops, n_channels), dtype=np.float32)
        self._next_slot = 0
        self._n_filled = 0
        self._newest_end_ns = 0
        self.values: npt.NDArray[np.float32] = np.zeros(
            (1, shape.history_bins, n_channels), dtype=np.float32
        )

    def reset(self) -> None:
        """Forget the history."""
        self._n_filled = 0

    @property
    def n_until_full(self) -> int:
        """Hops that are still missing from the history."""
        return self._shape.n_hops - self._n_filled

    def push(self, end_ns: int, hop_counts: FloatVector) -> bool:
        """Take the counts ``(channel,)`` of the hop ending at ``end_ns``; whether history is full.

        A hop that does not follow the last one begins the history anew: a window with a hole in
        it, or one padded with zeros, would be of counts that were never measured.
        """
        if end_ns != self._newest_end_ns + self._shape.hop_ns:
            self.reset()
        self._newest_end_ns = end_ns
        self._ring[self._next_slot] = hop_counts
        self._next_slot = (self._next_slot + 1) % self._shape.n_hops
        self._n_filled = min(self._n_filled + 1, self._shape.n_hops)
        if self._n_filled < self._shape.n_hops:
            return False
        _sum_bins(self._ring, self._next_slot, self._shape.hops_per_bin, self.values)
        return True


@njit(cache=True)
def _sum_bins(
    ring: npt.NDArray[np.float32],
    oldest_slot: int,
    hops_per_bin: int,
    values: npt.NDArray[np.float32],
) -> None:
    """Sum the ring's hops, oldest first, to bins. Counts are whole, so the sums are exact."""
    values[:] = 0
    slot = oldest_slot
    for hop in range(ring.shape[0]):
        for channel in range(ring.shape[1]):
            values[0, hop // hops_per_bin, channel] += ring[slot, channel]
        slot += 1
        if slot == ring.shape[0]:
            slot = 0
