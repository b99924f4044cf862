"""Areas, channels and spikes of an NWB file: its electrodes and units tables."""

import numpy as np
from pynwb import NWBFile, TimeSeries

from rt_ner.core.arrays import AnyArray, BoolArray, FloatArray, Int32Array, Int64Array
from rt_ner.core.clock import NS_PER_S, ns_array_from_s
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.observed import stretches_ns, unobserved_ns
from rt_ner.data.formats.common.spike_trains import merge_trains
from rt_ner.data.formats.nwb.datasets import (
    CHANNEL_COLUMN,
    COUNTS_NAME,
    LARGEST_S,
    UNIT_COLUMN,
    check_size,
    seconds,
)
from rt_ner.data.session.gaps import NO_GAPS, union
from rt_ner.data.session.spikes import SpikeCounts, SpikeTimes

_LABELS = ("label", "electrode_name", "channel_name", "name")


def areas_of(nwb: NWBFile) -> tuple[tuple[str, ...], AnyArray]:
    """Return the areas, that with most units first, and the area of each unit ``(unit,)``."""
    if nwb.units is None:
        electrodes = nwb.electrodes
        names = [] if electrodes is None else [str(name) for name in electrodes["location"][:]]
        return tuple(dict.fromkeys(names)), np.zeros(0, dtype=str)
    of_unit = np.array([_area(nwb, unit) for unit in range(len(nwb.units.id))], dtype=str)
    areas, n_units = np.unique(of_unit, return_counts=True)
    return tuple(areas[np.argsort(-n_units, kind="stable")].tolist()), of_unit


def spikes_of(
    nwb: NWBFile, is_chosen: BoolArray, shift_ns: int
) -> tuple[tuple[str, ...], SpikeTimes | SpikeCounts | None]:
    """Return channel ids and spikes of the chosen units."""
    if (counts := counts_of(nwb)) is not None:
        return _electrode_labels(nwb), _counts(counts)
    if not has_spike_times(nwb):
        return (), None
    units = np.flatnonzero(is_chosen).tolist()
    trains = [ns_array_from_s(np.asarray(nwb.units.get_unit_spike_times(u))) for u in units]
    channel_ids, unit_ids, unit_channel = _channels(nwb, units)
    shifted = [train + shift_ns for train in trains]
    return channel_ids, merge_trains(shifted, unit_ids, unit_channel, len(channel_ids))


def gaps_of(nwb: NWBFile, is_chosen: BoolArray, shift_ns: int) -> tuple[Int64Array, list[str]]:
    """Return the gaps of the chosen units' recording ``(n_gaps, 2)`` in ns, and warnings."""
    invalid = NO_GAPS
    if nwb.invalid_times is not None:
        columns = [np.asarray(nwb.invalid_times[name][:]) for name in ("start_time", "stop_time")]
        invalid = stretches_ns(np.stack(columns, axis=1).astype(np.float64))
    unobserved, warnings = NO_GAPS, []
    if nwb.units is not None and "obs_intervals" in nwb.units.colnames:
        chosen = np.flatnonzero(is_chosen).tolist()
        observed = [np.reshape(nwb.units["obs_intervals"][unit], (-1, 2)) for unit in chosen]
        unobserved, n_less = unobserved_ns([each.astype(np.float64) for each in observed])
        if n_less:
            warnings.append(
                f"{n_less} unit(s) were observed for a part of the time only (obs_intervals): they "
                "look silent in the rest"
            )
    return union([invalid, unobserved]) + shift_ns, warnings


def has_spike_times(nwb: NWBFile) -> bool:
    """Return True if there is a units table with spike times."""
    return nwb.units is not None and "spike_times" in nwb.units.colnames


def spike_times_s(nwb: NWBFile) -> FloatArray:
    """Return all units' spike times in s. Raise SessionError if they can't be used."""
    index = nwb.units["spike_times"]
    check_size(index.data, "spike_times_index")
    times_s = seconds(index.target.data, "spike_times")
    ends = np.asarray(index.data[:], dtype=np.int64)
    if np.any(np.diff(ends, prepend=0) < 0) or (ends.size and ends[-1] != times_s.size):
        raise SessionError(
            f"spike_times_index doesn't fit {times_s.size} spike times: expected where each unit's "
            "spikes end, ascending; write the file again"
        )
    if bad := int((~(np.abs(times_s) < LARGEST_S)).sum()):
        raise SessionError(
            f"{bad} of {times_s.size} spike times are NaN or beyond {LARGEST_S:,.0f} s: expected "
            "seconds of the session; remove them first"
        )
    return times_s


def counts_of(nwb: NWBFile) -> TimeSeries | None:
    """Return the series of spike counts that our own writer makes."""
    module = nwb.processing.get("ecephys")
    return None if module is None else module.data_interfaces.get(COUNTS_NAME)


def _counts(series: TimeSeries) -> SpikeCounts:
    """Return a series as spike counts."""
    check_size(series.data, COUNTS_NAME)
    if series.data.dtype != np.uint8 or series.data.ndim != 2:
        raise SessionError(f"{COUNTS_NAME} are {series.data.dtype}: expected uint8, (bin, channel)")
    return SpikeCounts(series.data[:], round(NS_PER_S / series.rate))


def _channels(
    nwb: NWBFile, units: list[int]
) -> tuple[tuple[str, ...], tuple[str, ...], Int32Array]:
    """Return channel ids, unit ids, and the channel of each unit.

    Each unit is a channel of its own, except in our own files, which name the units' channels.
    """
    if CHANNEL_COLUMN in nwb.units.colnames and UNIT_COLUMN in nwb.units.colnames:
        channel_ids = _electrode_labels(nwb)
        of_unit = [str(nwb.units[CHANNEL_COLUMN][unit]) for unit in units]
        unit_ids = tuple(str(nwb.units[UNIT_COLUMN][unit]) for unit in units)
        channels = [channel_ids.index(channel) for channel in of_unit]
        return channel_ids, unit_ids, np.array(channels, dtype=np.int32)
    seen: dict[str, int] = {}
    ids = []
    for unit in units:
        row = _electrode_row(nwb, unit)
        electrode = f"unit{unit + 1:03d}" if row is None else _electrode_label(nwb, row)
        seen[electrode] = seen.get(electrode, 0) + 1
        ids.append(electrode if row is None else f"{electrode}/{seen[electrode]}")
    return tuple(ids), tuple(ids), np.arange(len(ids), dtype=np.int32)


def _area(nwb: NWBFile, unit: int) -> str:
    """Return the area that a unit was recorded in."""
    if (row := _electrode_row(nwb, unit)) is not None:
        return str(nwb.electrodes["location"][row])
    if "electrode_group" in nwb.units.colnames:
        return str(nwb.units["electrode_group"][unit].location)
    return "unknown"


def _electrode_row(nwb: NWBFile, unit: int) -> int | None:
    """Return the table row of a unit's first electrode; None if the file names none."""
    if "electrodes" not in nwb.units.colnames or nwb.electrodes is None:
        return None
    index = nwb.units["electrodes"]
    ends = np.asarray(index.data[:]) if hasattr(index, "target") else None
    rows = index.target.data if ends is not None else index.data
    if ends is None:
        return int(np.ravel(rows[unit])[0])
    begin = int(ends[unit - 1]) if unit else 0
    return int(rows[begin]) if int(ends[unit]) > begin else None


def _electrode_labels(nwb: NWBFile) -> tuple[str, ...]:
    """Return the labels of all electrodes."""
    return tuple(_electrode_label(nwb, row) for row in range(len(nwb.electrodes.id)))


def _electrode_label(nwb: NWBFile, row: int) -> str:
    """Return an electrode's label, or its number if it has none."""
    for column in _LABELS:
        if column in nwb.electrodes.colnames and str(nwb.electrodes[column][row]):
            return str(nwb.electrodes[column][row])
    numbers = np.asarray(nwb.electrodes.id[:])
    # Those who count from 0 mean the first electrode by it; the names that live channels have
    # count from 1.
    return f"elec{int(numbers[row]) + (1 if numbers.min() == 0 else 0):03d}"
