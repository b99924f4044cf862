"""Channel values of recorded broadband voltage, made by the live decoder's own code."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from rt_ner.core.arrays import AnyArray, Int32Array, Int64Array
from rt_ner.core.clock import NS_PER_MS
from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.spike_trains import distinct_labels
from rt_ner.data.session.spikes import SpikeCounts, SpikeTimes
from rt_ner.decoding.binning.broadband import BroadbandBinner
from rt_ner.decoding.binning.detector import DetectorSettings
from rt_ner.decoding.binning.raster import CLOCK_STEP_NS, RasterBinner
from rt_ner.decoding.binning.voltage.settings import VoltageSettings
from rt_ner.decoding.chunks import RasterChunk, VoltageChunk
from rt_ner.decoding.input.binners import band_reader
from rt_ner.decoding.input.settings import Stamps
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.decoding.timing.timed_binner import TimedBinner


class VoltageCounter:
    """Takes voltage, chunk by chunk, in session time, as the live decoder does.

    It counts in milliseconds, from which hops of any length add up; crossings keep their times.

    Parameters
    ----------
    form
        Shape of the stream of voltage.
    voltage
        Values to make of it.

    """

    def __init__(self, form: SpikeStream, voltage: VoltageSettings) -> None:
        self._labels = distinct_labels(form.columns)
        columns = np.repeat(np.arange(len(self._labels), dtype=np.int32)[:, None], 2, axis=1)
        kind = RasterBinner if voltage.is_power else _CrossingBinner
        self._raster = kind(len(columns), columns, NS_PER_MS, form.period_ns, CLOCK_STEP_NS)
        reader = band_reader(form, voltage, DetectorSettings())
        binner = BroadbandBinner(reader, self._raster, form.period_ns)
        self._binner = TimedBinner(binner, form.period_ns, CLOCK_STEP_NS, Stamps.AUTO)
        self._newest_ns = 0
        self._number: list[int] = []
        self._sums: list[npt.NDArray[np.uint16]] = []

    def push(self, ends_ns: Int64Array, voltage: AnyArray) -> None:
        """Take samples ``(sample, channel)`` that end at ``ends_ns``, in session time."""
        for end_ns in self._binner.push(VoltageChunk(ends_ns, voltage)):
            self._number.append(end_ns // NS_PER_MS - 1)
            if not isinstance(self._raster, _CrossingBinner):
                self._sums.append(self._binner.counts.astype(np.uint16))
        self._newest_ns = int(ends_ns[-1])

    def spikes(self) -> SpikeTimes | SpikeCounts:
        """Return all crossings, or the power of all milliseconds, 0 where it was not measured."""
        if isinstance(self._raster, _CrossingBinner):
            return self._raster.crossings(self._labels)
        return self._power()

    def gaps_ns(self) -> Int64Array:
        """Return begin and end ``(gap, 2)`` of all that was not measured."""
        if not self._number:
            return np.array([[0, self._newest_ns]], dtype=np.int64)
        heard = np.array([-1, *self._number], dtype=np.int64)
        gaps = np.flatnonzero(np.diff(heard) > 1)
        return np.stack([heard[gaps] + 1, heard[gaps + 1]], axis=1) * NS_PER_MS

    def warnings(self) -> tuple[str, ...]:
        """Return a line on values that were too large, if there were any."""
        n = int(self._binner.input_counts[InputCounts.SATURATED])
        return (f"samples with a spike-band power above 2 mV, limited: {n:,}",) if n else ()

    def _power(self) -> SpikeCounts:
        if not self._number:
            raise SessionError(
                "the voltage is too short for its spike-band power: nothing is left after the time "
                "in which the filter settles and the reference is learned"
            )
        sums = np.zeros((max(self._number) + 1, len(self._labels)), dtype=np.uint16)
        sums[self._number] = self._sums
        return SpikeCounts(sums, NS_PER_MS)


class _CrossingBinner(RasterBinner):
    """A binner that keeps the time of each crossing: the middle of its sample, as it is binned."""

    def __init__(
        self, n_channels: int, columns: Int32Array, hop_ns: int, period_ns: float, step_ns: int
    ) -> None:
        super().__init__(n_channels, columns, hop_ns, period_ns, step_ns)
        self._half_ns = int(period_ns / 2)
        self._times: list[Int64Array] = []
        self._channels: list[Int64Array] = []

    def push(self, chunk: RasterChunk) -> Iterator[int]:
        """Keep a chunk's crossings, and count its samples."""
        sample, channel = np.nonzero(chunk.counts > 0)
        self._times.append(chunk.stamp_ns[sample] - self._half_ns)
        self._channels.append(channel)
        return super().push(chunk)

    def crossings(self, labels: tuple[str, ...]) -> SpikeTimes:
        """Return all crossings."""
        return SpikeTimes(
            np.concatenate([*self._times, np.zeros(0, dtype=np.int64)]),
            np.concatenate([*self._channels, np.zeros(0, dtype=np.int64)]).astype(np.int32),
            labels,
            np.arange(len(labels), dtype=np.int32),
            len(labels),
        )
