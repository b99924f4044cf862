"""Count the values of broadband voltage into hops; leave out what was not measured."""

from collections.abc import Iterator

import numpy as np

from rt_ner.core.arrays import AnyArray, Int64Array
from rt_ner.core.clock import NEVER_NS
from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.decoding.binning.binner import BinnerBefore
from rt_ner.decoding.binning.kernels.filter import MAX_VOLTAGE
from rt_ner.decoding.binning.raster import RasterBinner
from rt_ner.decoding.binning.voltage.band import BandReader
from rt_ner.decoding.chunks import RasterChunk, VoltageChunk

# The filter bridges gaps and steps back that are shorter, such as those of chunks stamped when they
# are sent. After longer ones it must settle again.
_BRIDGED_NS = 1_000_000
_MAX_SAMPLES = 4096


class BroadbandBinner(BinnerBefore):
    """A binner that reads spikes or their power in broadband voltage and counts them into hops.

    No hop is reported while the reader is blind: until its thresholds are learned, and while
    its filter settles after a gap. Time that was not measured must not pass for silence.

    Parameters
    ----------
    reader
        The reader of all columns of the voltage.
    binner
        The binner for the raster of its values; it maps columns to channels.
    period_ns
        Sample period of the voltage, in ns.

    """

    def __init__(self, reader: BandReader, binner: RasterBinner, period_ns: float) -> None:
        super().__init__(binner)
        self._reader = reader
        self._longest_ns = period_ns + _BRIDGED_NS
        self._newest_ns = NEVER_NS
        # −1 marks a value that can't be a voltage; the binner counts it as invalid.
        self._values: AnyArray = np.zeros((_MAX_SAMPLES, reader.n_channels), dtype=reader.dtype)

    def restart(self, now_ns: int) -> None:
        """Forget the source's time too, for a new connection. Learned thresholds stay."""
        self._binner.restart(now_ns)
        self._reader.interrupt()
        self._newest_ns = NEVER_NS

    def warm_up_as(self, dtype: np.dtype[np.generic]) -> None:
        """Compile for voltages of this type; leave no trace."""
        silence = np.zeros((2, self._reader.n_channels), dtype=dtype)
        self._reader.warm_up(silence)
        self._binner.warm_up_as(self._values.dtype)

    def push(self, chunk: VoltageChunk) -> Iterator[int]:
        """Read and count a chunk's values; yield the end (ns) of each hop that it closes."""
        sample = 0
        while sample < chunk.stamp_ns.size:
            if not self._follows(int(chunk.stamp_ns[sample])):
                self._reader.interrupt()
            n_blind = self._reader.n_blind
            last = self._run_end(chunk.stamp_ns, sample, n_blind or _MAX_SAMPLES)
            values = self._read(chunk, slice(sample, last))
            if n_blind:
                self._discard(values)
            else:
                yield from self._binner.push(values)
            sample = last

    def _discard(self, values: RasterChunk) -> None:
        """Take samples that came while the reader was blind: no hop of theirs is decoded."""
        n_used = int(self.input_counts[InputCounts.USED])
        for _ in self._binner.push(values):
            pass
        self._binner.reset(0)
        n_blind = int(self.input_counts[InputCounts.USED]) - n_used
        self.input_counts[InputCounts.USED] -= n_blind
        self.input_counts[InputCounts.UNDECODABLE] += n_blind

    def _follows(self, stamp_ns: int) -> bool:
        """Return True if a sample begins where the one before it ended, or nearly so."""
        return (
            self._newest_ns == NEVER_NS
            or -_BRIDGED_NS < stamp_ns - self._newest_ns <= self._longest_ns
        )

    def _run_end(self, stamp_ns: Int64Array, first: int, n_at_most: int) -> int:
        """Return the end of the samples from ``first`` on that follow one another."""
        run_ns = stamp_ns[first : first + min(n_at_most, _MAX_SAMPLES)]
        steps_ns = np.diff(run_ns)
        breaks = np.flatnonzero((steps_ns <= -_BRIDGED_NS) | (steps_ns > self._longest_ns))
        return first + (int(breaks[0]) + 1 if breaks.size else run_ns.size)

    def _read(self, chunk: VoltageChunk, run: slice) -> RasterChunk:
        """Return the values of some samples, as a raster."""
        voltage = chunk.voltage[run]
        values = self._values[: len(voltage)]
        n_saturated = self._reader.n_saturated
        if self._reader.read(voltage, values):
            values[~(np.abs(voltage) <= MAX_VOLTAGE)] = -1
        self.input_counts[InputCounts.SATURATED] += self._reader.n_saturated - n_saturated
        self._newest_ns = int(chunk.stamp_ns[run.stop - 1])
        return RasterChunk(chunk.stamp_ns[run], values, chunk.arrived_ns)
