"""Spike times from units' trains, or from threshold crossings of broadband."""

from collections.abc import Sequence

import numpy as np

from rt_ner.core.arrays import AnyArray, Int32Array, Int64Array
from rt_ner.data.session.spikes import SpikeTimes
from rt_ner.decoding.binning.detector import Detector, DetectorSettings


class CrossingFinder:
    """Find threshold crossings in voltage, chunk by chunk, with the live decoder's detector."""

    def __init__(self, labels: tuple[str, ...], rate_hz: float) -> None:
        self._labels = labels
        self._detector = Detector(len(labels), rate_hz, DetectorSettings())
        self._times: list[Int64Array] = []
        self._channels: list[Int64Array] = []

    @property
    def n_blind(self) -> int:
        """Number of upcoming samples in which no crossing can be found yet."""
        return self._detector.n_blind

    def push(self, ends_ns: Int64Array, voltage: AnyArray) -> None:
        """Search samples ``(sample, channel)`` that end at ``ends_ns``."""
        crossings = np.zeros(voltage.shape, dtype=np.int8)
        self._detector.read(voltage, crossings)
        sample, channel = np.nonzero(crossings > 0)
        self._times.append(ends_ns[sample])
        self._channels.append(channel)

    def spikes(self, origin_ns: int) -> SpikeTimes:
        """Return all crossings, timed from ``origin_ns``."""
        n = len(self._labels)
        return SpikeTimes(
            np.concatenate([*self._times, np.zeros(0, dtype=np.int64)]) - origin_ns,
            np.concatenate([*self._channels, np.zeros(0, dtype=np.int64)]).astype(np.int32),
            self._labels,
            np.arange(n, dtype=np.int32),
            n,
        )


def merge_trains(
    trains: Sequence[Int64Array],
    unit_ids: tuple[str, ...],
    unit_channel: Int32Array,
    n_channels: int,
) -> SpikeTimes:
    """Merge the units' trains, sorted by time and, within one nanosecond, by unit."""
    time_ns = np.concatenate([*trains, np.zeros(0, dtype=np.int64)])
    unit = np.repeat(np.arange(len(trains), dtype=np.int32), [len(train) for train in trains])
    in_order = np.lexsort((unit, time_ns))
    return SpikeTimes(time_ns[in_order], unit[in_order], unit_ids, unit_channel, n_channels)


def distinct_labels(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the labels; numbered ones if any is empty or repeats."""
    if all(labels) and len(set(labels)) == len(labels):
        return labels
    return tuple(f"elec{number + 1:03d}" for number in range(len(labels)))
