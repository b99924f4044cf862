"""Areas, channels and spikes of an NWB file: its electrodes and units tables."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from pynwb import NWBFile, TimeSeries

from rt_ner.core.arrays import AnyArray, BoolArray, FloatArray, Int32Array, Int64Array
from rt_ner.core.clock import NS_PER_S, ns_array_from_s
from rt_ner.core.contract.names import electrode_names
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.counts import checked_counts
from rt_ner.data.formats.common.movement_words import words
from rt_ner.data.formats.common.observed import stretches_ns, unobserved_ns
from rt_ner.data.formats.common.spike_trains import merge_trains
from rt_ner.data.formats.nwb.datasets import (
    CHANNEL_COLUMN,
    COUNTS_NAME,
    LARGEST_S,
    UNIT_COLUMN,
    check_size,
    seconds,
    text_of,
)
from rt_ner.data.formats.nwb.parts.series import all_series
from rt_ner.data.session.gaps import NO_GAPS, union
from rt_ner.data.session.spikes import SpikeCounts, SpikeTimes

# So many spike times, of all, may be NaN or beyond all clocks: they are left out.
_MOST_BAD = 0.01
_COUNTS_WORDS = ("spike", "spikes", "count", "counts", "binned")
_UNKNOWN = "unknown"
_LABELS = ("label", "electrode_name", "channel_name", "name")


@dataclass(frozen=True, eq=False, repr=False)
class UnitTimes:
    """Spike times of all units in s, one unit after the other, and where those of each end."""

    times_s: FloatArray
    ends: Int64Array

    @cached_property
    def are_valid(self) -> BoolArray:
        """True for each spike time that a clock can show."""
        return np.abs(self.times_s) < LARGEST_S

    @property
    def first_s(self) -> float:
        """First spike time; 0 if none is before."""
        return float(self.times_s[self.are_valid].min(initial=0.0))

    def of_unit(self, unit: int) -> FloatArray:
        """Return the valid spike times of a unit."""
        own = slice(int(self.ends[unit - 1]) if unit else 0, int(self.ends[unit]))
        return self.times_s[own][self.are_valid[own]]

    def warnings(self) -> tuple[str, ...]:
        """Return a line if spike times are left out because they are no times."""
        n_bad = int((~self.are_valid).sum())
        text = f"spike times that are NaN or beyond all clocks, left out: {n_bad}"
        return (text,) if n_bad else ()


def areas_of(nwb: NWBFile) -> tuple[tuple[str, ...], AnyArray]:
    """Return the areas, that with most units first, and the area of each unit ``(unit,)``."""
    if nwb.units is None:
        electrodes = nwb.electrodes
        names = [] if electrodes is None else [text_of(name) for name in electrodes["location"][:]]
        unnamed = () if counts_of(nwb) is None else (_UNKNOWN,)
        return tuple(dict.fromkeys(names)) or unnamed, np.zeros(0, dtype=str)
    of_unit = np.array([_area(nwb, unit) for unit in range(len(nwb.units.id))], dtype=str)
    areas, n_units = np.unique(of_unit, return_counts=True)
    return tuple(areas[np.argsort(-n_units, kind="stable")].tolist()), of_unit


def spikes_of(
    nwb: NWBFile, times: UnitTimes | None, is_chosen: BoolArray, shift_ns: int
) -> tuple[tuple[str, ...], SpikeTimes | SpikeCounts | None]:
    """Return channel ids and spikes of the chosen units; ``times`` are those of all."""
    if (counts := counts_of(nwb)) is not None:
        spikes = _counts(counts, shift_ns)
        return _count_labels(nwb, spikes.n_channels), spikes
    if times is None:
        return (), None
    units = np.flatnonzero(is_chosen).tolist()
    trains = [ns_array_from_s(times.of_unit(unit)) for unit in units]
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


def unit_times(nwb: NWBFile) -> UnitTimes | None:
    """Return all spike times, read once; None without any.

    Raise SessionError if they can't be used.
    """
    if not has_spike_times(nwb):
        return None
    index = nwb.units["spike_times"]
    check_size(index.data, "spike_times_index")
    times_s = seconds(index.target.data, "spike_times")
    ends = np.asarray(index.data[:], dtype=np.int64)
    if np.any(np.diff(ends, prepend=0) < 0) or (ends.size and ends[-1] != times_s.size):
        raise SessionError(
            f"spike_times_index doesn't fit {times_s.size} spike times: expected where each unit's "
            "spikes end, ascending; write the file again"
        )
    times = UnitTimes(times_s, ends)
    bad = int((~times.are_valid).sum())
    if bad > _MOST_BAD * times_s.size:
        raise SessionError(
            f"{bad} of {times_s.size} spike times are NaN or beyond {LARGEST_S:,.0f} s: expected "
            "seconds of the session; remove them first"
        )
    return times


def counts_of(nwb: NWBFile) -> TimeSeries | None:
    """Return a series of spike counts: our own writer's, or one that is named so."""
    module = nwb.processing.get("ecephys")
    own = None if module is None else module.data_interfaces.get(COUNTS_NAME)
    if own is not None or has_spike_times(nwb):
        return own
    for _, one in all_series(nwb):
        shape = getattr(one.data, "shape", ())
        if set(words(one.name)) & set(_COUNTS_WORDS) and len(shape) == 2 and one.rate:
            return one
    return None


def _counts(series: TimeSeries, shift_ns: int) -> SpikeCounts:
    """Return a series as spike counts; the time before its first bin is a gap."""
    check_size(series.data, series.name)
    bin_ns = round(NS_PER_S / series.rate)
    counts = checked_counts(np.asarray(series.data[:]))
    before = round((round((series.starting_time or 0.0) * NS_PER_S) + shift_ns) / bin_ns)
    if before <= 0:
        return SpikeCounts(counts, bin_ns)
    unknown = np.zeros((before, counts.shape[1]), dtype=np.uint8)
    gap_ns = np.array([[0, before * bin_ns]], dtype=np.int64)
    return SpikeCounts(np.concatenate([unknown, counts]), bin_ns, gap_ns)


def _channels(
    nwb: NWBFile, units: list[int]
) -> tuple[tuple[str, ...], tuple[str, ...], Int32Array]:
    """Return channel ids, unit ids, and the channel of each unit.

    Each unit is a channel of its own, except in our own files, which name the units' channels.
    """
    if CHANNEL_COLUMN in nwb.units.colnames and UNIT_COLUMN in nwb.units.colnames:
        channel_ids = _electrode_labels(nwb)
        of_unit = [text_of(nwb.units[CHANNEL_COLUMN][unit]) for unit in units]
        unit_ids = tuple(text_of(nwb.units[UNIT_COLUMN][unit]) for unit in units)
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
        return text_of(nwb.electrodes["location"][row])
    if "electrode_group" in nwb.units.colnames:
        return text_of(nwb.units["electrode_group"][unit].location)
    return _UNKNOWN


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


def _count_labels(nwb: NWBFile, n_channels: int) -> tuple[str, ...]:
    """Return the labels of counted channels: the electrodes', if there are as many."""
    labels = () if nwb.electrodes is None else _electrode_labels(nwb)
    if len(labels) == n_channels == len(set(labels)):
        return labels
    return electrode_names(n_channels)


def _electrode_label(nwb: NWBFile, row: int) -> str:
    """Return an electrode's label, or its number if it has none."""
    for column in _LABELS:
        if column in nwb.electrodes.colnames and text_of(nwb.electrodes[column][row]):
            return text_of(nwb.electrodes[column][row])
    numbers = np.asarray(nwb.electrodes.id[:])
    # Those who count from 0 mean the first electrode by it; the names that live channels have
    # count from 1.
    return f"elec{int(numbers[row]) + (1 if numbers.min() == 0 else 0):03d}"
