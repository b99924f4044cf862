"""Spike times from units' trains, and the channels' labels."""

from collections.abc import Sequence

import numpy as np

from rt_ner.core.arrays import Int32Array, Int64Array
from rt_ner.core.contract.names import electrode_names
from rt_ner.data.session.spikes import SpikeTimes


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
    return electrode_names(len(labels))
