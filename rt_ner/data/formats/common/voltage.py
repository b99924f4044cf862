"""Channel values of recorded broadband voltage, made by the live decoder's own code."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from rt_ner.core.arrays import AnyArray, Int64Array
from rt_ner.core.clock import NS_PER_MS
from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.spike_trains import distinct_labels
from rt_ner.data.session.spikes import SpikeCounts, SpikeTimes
from rt_ner.decoding.binning.broadband import BroadbandBinner
from rt_ner.decoding.binning.detector import DetectorSettings
from rt_ner.decoding.binning.raster import CLOCK_STEP_NS, RasterBinner
from rt_ner.decoding.binning.voltage.settings import VoltageSettings
from rt_ner.decoding.chunks import VoltageChunk
from rt_ner.decoding.input.binners import band_reader
from rt_ner.decoding.input.spike_stream import SpikeStream


class VoltageCounter(Protocol):
    """A reader of voltage, chunk by chunk; its results are timed from a session's zero."""

    def push(self, ends_ns: Int64Array, voltage: AnyArray) -> None:
        """Take samples ``(sample, channel)`` that end at ``ends_ns``, in session time."""

    def spikes(self) -> SpikeTimes | SpikeCounts:
        """Return the values of all channels so far."""

    def gaps_ns(self) -> Int64Array:
        """Return begin and end ``(gap, 2)`` of all that was not measured."""

    def warnings(self) -> tuple[str, ...]:
        """Return lines about values that can't be right."""


def voltage_counter(form: SpikeStream, voltage: VoltageSettings) -> VoltageCounter:
    """Return the counter of a recorded voltage's values."""
    if voltage.is_power:
        return PowerCounter(form, voltage)
    return CrossingFinder(form, voltage)


class CrossingFinder:
    """Find threshold crossings in voltage."""

    def __init__(self, form: SpikeStream, voltage: VoltageSettings) -> None:
        self._labels = distinct_labels(form.columns)
        self._detector = band_reader(form, voltage, DetectorSettings())
        self._sees = False
        self._sees_from_ns = 0
        self._times: list[Int64Array] = []
        self._channels: list[Int64Array] = []

    def push(self, ends_ns: Int64Array, voltage: AnyArray) -> None:
        """Search samples ``(sample, channel)`` that end at ``ends_ns``, in session time."""
        if not self._sees:
            n_blind = self._detector.n_blind
            self._sees = n_blind < len(ends_ns)
            self._sees_from_ns = int(ends_ns[min(n_blind, len(ends_ns) - 1)])
        crossings = np.zeros(voltage.shape, dtype=np.int8)
        self._detector.read(voltage, crossings)
        sample, channel = np.nonzero(crossings > 0)
        self._times.append(ends_ns[sample])
        self._channels.append(channel)

    def spikes(self) -> SpikeTimes:
        """Return all crossings."""
        n = len(self._labels)
        return SpikeTimes(
            np.concatenate([*self._times, np.zeros(0, dtype=np.int64)]),
            np.concatenate([*self._channels, np.zeros(0, dtype=np.int64)]).astype(np.int32),
            self._labels,
            np.arange(n, dtype=np.int32),
            n,
        )

    def gaps_ns(self) -> Int64Array:
        """Return the time until thresholds were learned."""
        return np.array([[0, self._sees_from_ns]], dtype=np.int64)

    def warnings(self) -> tuple[str, ...]:
        """Return nothing: a crossing is a crossing."""
        return ()


class PowerCounter:
    """Sum up spike-band power in milliseconds, from which hops of any length add up."""

    def __init__(self, form: SpikeStream, voltage: VoltageSettings) -> None:
        n_channels = len(form.columns)
        columns = np.repeat(np.arange(n_channels, dtype=np.int32)[:, None], 2, axis=1)
        raster = RasterBinner(n_channels, columns, NS_PER_MS, form.period_ns, CLOCK_STEP_NS)
        reader = band_reader(form, voltage, DetectorSettings())
        self._binner = BroadbandBinner(reader, raster, form.period_ns)
        self._number: list[int] = []
        self._sums: list[npt.NDArray[np.uint16]] = []

    def push(self, ends_ns: Int64Array, voltage: AnyArray) -> None:
        """Measure samples ``(sample, channel)`` that end at ``ends_ns``, in session time."""
        for end_ns in self._binner.push(VoltageChunk(ends_ns, voltage)):
            self._number.append(end_ns // NS_PER_MS - 1)
            self._sums.append(self._binner.counts.astype(np.uint16))

    def spikes(self) -> SpikeCounts:
        """Return the power of all milliseconds, 0 where it was not measured."""
        if not self._number:
            raise SessionError(
                "the voltage is too short for its spike-band power: nothing is left after the time "
                "in which the filter settles and the reference is learned"
            )
        sums = np.zeros((self._number[-1] + 1, self._sums[0].size), dtype=np.uint16)
        sums[self._number] = self._sums
        return SpikeCounts(sums, NS_PER_MS)

    def gaps_ns(self) -> Int64Array:
        """Return the milliseconds that were not measured."""
        heard = np.array([-1, *self._number], dtype=np.int64)
        gaps = np.flatnonzero(np.diff(heard) > 1)
        return np.stack([heard[gaps] + 1, heard[gaps + 1]], axis=1) * NS_PER_MS

    def warnings(self) -> tuple[str, ...]:
        """Return a line on values that were too large, if there were any."""
        n = int(self._binner.input_counts[InputCounts.SATURATED])
        return (f"samples with a spike-band power above 2 mV, limited: {n:,}",) if n else ()
