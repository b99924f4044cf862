"""Count spikes into hops on the one global grid; no other module assigns times to bins.

A hop is ``[k·hop, (k+1)·hop)`` for whole k, half-open, counted from zero of the clock. Two inputs
reach the grid: single spikes by their time (`hop_of`), and regular samples by the *centre* of the
interval that they cover (`RasterBinner`), so that a stamp that is off by less than half a sample,
by rounding or jitter, changes nothing.
"""

from collections.abc import Iterator

import numpy as np

from rt_ner.core.arrays import Float32Array, Int32Array
from rt_ner.core.clock import FOREVER_NS, NEVER_NS
from rt_ner.core.contract.input_counts import empty_input_counts
from rt_ner.core.errors import StreamError
from rt_ner.decoding.binning.kernels.raster import (
    CLOSED,
    INVALID,
    N_MISSED,
    N_SLOTS,
    NEWEST_NS,
    OPEN_HOP,
    PHASE,
    Grid,
    abandon,
    advance,
)
from rt_ner.decoding.chunks import RasterChunk

# A jump of the stamps by more shows that a clock was set. So many newest stamps are kept, to
# recognise repeats.
CLOCK_STEP_NS = 200_000_000
_N_REMEMBERED = 1024


class RasterBinner:
    """A binner that counts regular samples; a hop closes when the samples' own time passes it.

    The watermark is the earliest centre that the next sample may have, with a quarter of a period
    allowed for jitter. So a hop closes with the sample that completes it, never because a chunk
    ended. A hop that lost some of its samples is still reported, and the loss counted. A hop that
    lost all of them is not, nor is one in which the input begins, at the start or after such a
    gap, because time that was not measured must not pass for silence. A sample out of order is
    used as long as its hop is open.

    Parameters
    ----------
    n_channels
        Number of channels to count for.
    columns
        Pairs of a column of the samples and the channel that it counts for, ``(pair, 2)``.
    hop_ns
        Width of a hop, in ns.
    period_ns
        Sample period, in ns.
    step_ns
        Stamps that jump back by more, in ns, or ahead of their arrival by more, show that a clock
        was set: counting starts over.

    """

    is_partial = False

    def __init__(
        self, n_channels: int, columns: Int32Array, hop_ns: int, period_ns: float, step_ns: int
    ) -> None:
        self._hop_ns = hop_ns
        self._fixed = (*Grid(hop_ns, float(period_ns), step_ns),)
        self._columns = columns
        self._state = np.zeros(N_SLOTS, dtype=np.int64)
        self._stamps = np.full(_N_REMEMBERED, NEVER_NS, dtype=np.int64)
        self.counts: Float32Array = np.zeros(n_channels, dtype=np.float32)
        self.input_counts = empty_input_counts()
        self.restart(0)

    def due_ns(self, now_ns: int) -> int:  # noqa: ARG002 - the samples' own time rules
        """Return `FOREVER_NS`, because only samples end a hop."""
        return FOREVER_NS

    def reset(self, now_ns: int) -> None:  # noqa: ARG002 - the samples' own time rules
        """Forget the open hop, after an outage; the loss is counted when the outage ends."""
        abandon(self._state, self.input_counts)

    def restart(self, now_ns: int) -> None:
        """Forget the source's time too, for a new connection. The input counts stay."""
        self.reset(now_ns)
        self._state[NEWEST_NS] = NEVER_NS
        self._state[N_MISSED] = 0
        self._stamps[:] = NEVER_NS

    @property
    def invalid(self) -> bool:
        """True if an invalid sample arrived in the hop that was closed last."""
        return bool(self._state[INVALID])

    @property
    def newest_ns(self) -> int:
        """Stamp of the newest sample, in ns."""
        return int(self._state[NEWEST_NS])

    def warm_up_as(self, dtype: np.dtype[np.generic]) -> None:
        """Compile for samples of this type; leave no trace."""
        n_columns = int(self._columns[:, 0].max()) + 1
        stamp_ns = np.arange(1, 3, dtype=np.int64) * self._hop_ns
        input_counts = self.input_counts.copy()
        for _ in self.push(RasterChunk(stamp_ns, np.zeros((2, n_columns), dtype=dtype))):
            pass
        self.restart(0)
        self.input_counts[:] = input_counts

    def push(self, chunk: RasterChunk) -> Iterator[int]:
        """Count a chunk's samples; yield the end (ns) of each hop that it closes."""
        used, samples, n_samples = 0, (*chunk,), chunk.stamp_ns.size
        while True:
            used = advance(
                samples, used, self._fixed, self._columns, self._stamps, self._state,
                (self.counts, self.input_counts),
            )  # fmt: skip
            if self._state[PHASE] != CLOSED:
                return
            yield int((self._state[OPEN_HOP] + 1) * self._hop_ns)
            if used == n_samples:
                # The next chunk opens the next hop: a call costs as much as a layer of the encoder.
                return


def raster_binner(
    n_channels: int,
    hop_ns: int,
    period_ns: float,
    columns: Int32Array | None = None,
    step_ns: int = CLOCK_STEP_NS,
) -> RasterBinner:
    """Return a binner for a raster of counts; ``columns`` None: one for each channel, in order.

    Raises StreamError unless a hop is a whole number of samples.
    """
    n_samples = round(hop_ns / period_ns)
    if not n_samples or abs(n_samples * period_ns - hop_ns) > n_samples:
        raise StreamError(
            f"raster samples of {period_ns / 1e6:g} ms don't fill the bundle's hops of "
            f"{hop_ns / 1e6:g} ms evenly: use a source whose sample period divides the hop, or "
            "train a bundle with another hop"
        )
    if columns is None:
        columns = np.repeat(np.arange(n_channels, dtype=np.int32)[:, None], 2, axis=1)
    return RasterBinner(n_channels, columns, hop_ns, period_ns, step_ns)
