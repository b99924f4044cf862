"""Keep the newest rows of a stream, in memory that never grows."""

import numpy as np
from numpy.typing import ArrayLike

from rt_ner.core.arrays import FloatArray

_JITTER_S = 0.5


class Ring:
    """The newest ``capacity`` rows of a stream, each with its stamp in seconds.

    If the stamps jump back by more than half a second, a new session has begun, and the rows of
    the old one are forgotten.
    """

    def __init__(self, capacity: int, n_columns: int) -> None:
        self._capacity = capacity
        # Every row is stored twice, a capacity apart, so that the newest are always contiguous.
        self._stamps_s = np.zeros(2 * capacity)
        self._values = np.zeros((2 * capacity, n_columns))
        self._n_taken = 0

    def __len__(self) -> int:
        return min(self._n_taken, self._capacity)

    def extend(self, stamps_s: ArrayLike, values: ArrayLike) -> None:
        """Add rows ``(row, column)``, oldest first."""
        stamps, rows = np.asarray(stamps_s), np.asarray(values)
        n_new = len(stamps)
        if not n_new:
            return
        if len(self) and stamps[0] < self.newest()[0][-1] - _JITTER_S:
            self.clear()
        places = (self._n_taken + np.arange(n_new))[-self._capacity :] % self._capacity
        for offset in (0, self._capacity):
            self._stamps_s[places + offset] = stamps[-self._capacity :]
            self._values[places + offset] = rows[-self._capacity :]
        self._n_taken += n_new

    def clear(self) -> None:
        """Forget everything."""
        self._n_taken = 0

    def newest(self, seconds: float = np.inf) -> tuple[FloatArray, FloatArray]:
        """Return stamps ``(row,)`` and values ``(row, column)`` of the last seconds, as views."""
        end = self._n_taken % self._capacity + self._capacity
        kept = slice(end - len(self), end)
        stamps_s, values = self._stamps_s[kept], self._values[kept]
        if not len(self) or not np.isfinite(seconds):
            return stamps_s, values
        first = int(np.searchsorted(stamps_s, stamps_s[-1] - seconds))
        return stamps_s[first:], values[first:]
