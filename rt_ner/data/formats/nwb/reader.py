"""NWB: Neurodata Without Borders, as DANDI's archives store reaching, and as we write it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from pynwb import NWBHDF5IO, NWBFile, TimeSeries

from rt_ner.core.arrays import AnyArray, BoolArray, FloatArray
from rt_ner.core.clock import NS_PER_S, ns_array_from_s
from rt_ner.core.contract.kinds import CM_PER_UNIT, REPLAY_GRID_NS
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.nwb.hdf5_trial import check_survivable
from rt_ner.data.formats.recorded import (
    angles_deg,
    foreign_file,
    merged_trains,
    told_directions_deg,
    ways_cm,
)
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.session import Kinematics, SpikeCounts, SpikeTimes, Trials

# What our own writer adds to the standard's columns.
COUNTS_NAME, CHANNEL_COLUMN, UNIT_COLUMN = "spike_counts", "channel", "unit_name"
LABEL_COLUMN, DIRECTION_COLUMN, TARGET_COLUMN = "label", "direction_deg", "target_cm"
_CM = CM_PER_UNIT | {"meters": 100.0}
# In order of preference; eyes move too.
_MOVES = (
    ("hand", "vel"),
    ("cursor", "vel"),
    ("", "vel"),
    ("hand", "pos"),
    ("cursor", "pos"),
    ("", "pos"),
)
_LABELS = ("label", "electrode_name", "channel_name", "name")
_GO_COLUMNS = ("go_cue_time", "go_time", "go_cue")
_DIRECTION_COLUMNS = ("target_dir", "target_direction", "tgt_dir", "direction")
_LARGEST_BYTES = 2_000_000_000
# To 48 days a float64 second holds its nanosecond.
_LARGEST_S = 2.0**22
_MISSING = {
    "spikes": "no units table with spike_times: sort or threshold the recording first",
    "kinematics": "no series named after velocity or position (hand, cursor), of 2 columns",
    "trials": "no trials table with start_time and stop_time",
}


@dataclass(frozen=True, eq=False)
class _Movement:
    """Times (s) and velocity in cm/s, and what was doubtful."""

    name: str
    times_s: FloatArray
    velocity_cm_s: FloatArray
    warnings: tuple[str, ...]


def read(path: Path, area: str | None) -> RecordingFile:
    """Read an NWB file: units, movement, trials; ``area``: by the electrodes' location.

    Sorted units are channels of their own, but in files that we wrote, which say better.
    """
    if not h5py.is_hdf5(path):
        raise SessionError("no NWB: expected an HDF5 file")
    check_survivable(path)
    with foreign_file("NWB"), NWBHDF5IO(path, "r", load_namespaces=False) as file:
        return _recording(file.read(), path, area)


def _recording(nwb: NWBFile, path: Path, area: str | None) -> RecordingFile:
    areas, of_unit = _areas(nwb)
    if area not in (None, *areas):
        raise SessionError(f"no area '{area}': this file holds {', '.join(areas) or 'none'}")
    chosen = area or (areas[0] if areas else "")
    movement = _movement(nwb)
    table = _trial_table(nwb)
    shift_ns = _shift_ns(nwb, movement, table)
    channel_ids, spikes = _spikes(nwb, of_unit == chosen, shift_ns)
    kinematics, warnings = _kinematics(movement, shift_ns)
    trials, trial_doubts = _trials(table, kinematics, shift_ns)
    provenance = _provenance(nwb) or {"file": path.name, "layout": "nwb"}
    return RecordingFile(
        name=str(nwb.session_id or path.stem),
        areas=(chosen, *(other for other in areas if other != chosen)) if areas else (),
        channel_ids=channel_ids,
        spikes=spikes,
        kinematics=kinematics,
        trials=trials,
        contents=tuple(_contents(nwb, areas, movement)),
        missing=_MISSING,
        warnings=(*warnings, *trial_doubts),
        provenance=provenance,
    )


def _contents(nwb: NWBFile, areas: Sequence[str], movement: _Movement | None) -> Iterator[str]:
    yield f"'{nwb.session_description}'"
    if nwb.units is not None:
        yield f"{len(nwb.units.id)} units; areas {', '.join(areas)}"
    if (counts := _counts_of(nwb)) is not None:
        yield f"counts of {counts.data.shape[1]} channels"
    if movement is not None:
        yield f"movement: {movement.name}, {len(movement.times_s):,} samples"
    if nwb.trials is not None:
        yield f"{len(nwb.trials.id)} trials: {', '.join(nwb.trials.colnames)}"


def _provenance(nwb: NWBFile) -> dict[str, str]:
    """What our own writer noted; nothing in files of others."""
    try:
        noted = json.loads(nwb.notes or "")["rt_ner_provenance"]
        return {str(key): str(value) for key, value in noted.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _areas(nwb: NWBFile) -> tuple[tuple[str, ...], AnyArray]:
    """Areas, that with most units first, and the area of each unit ``(unit,)``."""
    if nwb.units is None:
        electrodes = nwb.electrodes
        places = [] if electrodes is None else [str(where) for where in electrodes["location"][:]]
        return tuple(dict.fromkeys(places)), np.zeros(0, dtype=str)
    of_unit = np.array([_place(nwb, unit) for unit in range(len(nwb.units.id))], dtype=str)
    names, n_units = np.unique(of_unit, return_counts=True)
    return tuple(names[np.argsort(-n_units, kind="stable")].tolist()), of_unit


def _place(nwb: NWBFile, unit: int) -> str:
    """Where a unit was recorded."""
    if (row := _electrode_row(nwb, unit)) is not None:
        return str(nwb.electrodes["location"][row])
    if "electrode_group" in nwb.units.colnames:
        return str(nwb.units["electrode_group"][unit].location)
    return "unknown"


def _electrode_row(nwb: NWBFile, unit: int) -> int | None:
    """The row of a unit's (first) electrode in their table; None if it is not told."""
    if "electrodes" not in nwb.units.colnames or nwb.electrodes is None:
        return None
    index = nwb.units["electrodes"]
    ends = np.asarray(index.data[:]) if hasattr(index, "target") else None
    rows = index.target.data if ends is not None else index.data
    if ends is None:
        return int(np.ravel(rows[unit])[0])
    begin = int(ends[unit - 1]) if unit else 0
    return int(rows[begin]) if int(ends[unit]) > begin else None


def _spikes(
    nwb: NWBFile, is_chosen: BoolArray, shift_ns: int
) -> tuple[tuple[str, ...], SpikeTimes | SpikeCounts | None]:
    """Channels and their spikes."""
    if (counts := _counts_of(nwb)) is not None:
        return _labels(nwb), _counts(counts)
    if nwb.units is None or "spike_times" not in nwb.units.colnames:
        return (), None
    units = np.flatnonzero(is_chosen)
    trains = [ns_array_from_s(np.asarray(nwb.units.get_unit_spike_times(int(u)))) for u in units]
    channel_ids, unit_ids, unit_channel = _channels(nwb, units)
    shifted = [train + shift_ns for train in trains]
    return channel_ids, merged_trains(shifted, unit_ids, unit_channel, len(channel_ids))


def _spike_times_s(nwb: NWBFile) -> FloatArray:
    """All units' spike times; SessionError unless the units' trains fill them, in seconds."""
    index = nwb.units["spike_times"]
    _check_size(index.data, "spike_times_index")
    times_s = _seconds(index.target.data, "spike_times")
    ends = np.asarray(index.data[:], dtype=np.int64)
    if np.any(np.diff(ends, prepend=0) < 0) or (ends.size and ends[-1] != times_s.size):
        raise SessionError(
            f"spike_times_index doesn't fit {times_s.size} spike times: expected the ends of the "
            "units' trains, ascending; write the file again"
        )
    if bad := int((~(np.abs(times_s) < _LARGEST_S)).sum()):
        raise SessionError(
            f"{bad} spike times are NaN or beyond {_LARGEST_S:,.0f} s: expected seconds of the "
            "session; cut them out first"
        )
    return times_s


def _channels(nwb: NWBFile, units: AnyArray) -> tuple[tuple[str, ...], tuple[str, ...], AnyArray]:
    """Channel ids, unit ids, and the channel of each unit."""
    if CHANNEL_COLUMN in nwb.units.colnames and UNIT_COLUMN in nwb.units.colnames:
        channel_ids = _labels(nwb)
        of_unit = [str(nwb.units[CHANNEL_COLUMN][int(unit)]) for unit in units]
        names = tuple(str(nwb.units[UNIT_COLUMN][int(unit)]) for unit in units)
        places = [channel_ids.index(channel) for channel in of_unit]
        return channel_ids, names, np.array(places, dtype=np.int32)
    seen: dict[str, int] = {}
    ids = []
    for unit in units.tolist():
        row = _electrode_row(nwb, unit)
        electrode = f"unit{unit + 1:03d}" if row is None else _label(nwb, row)
        seen[electrode] = seen.get(electrode, 0) + 1
        ids.append(electrode if row is None else f"{electrode}/{seen[electrode]}")
    return tuple(ids), tuple(ids), np.arange(len(ids), dtype=np.int32)


def _labels(nwb: NWBFile) -> tuple[str, ...]:
    return tuple(_label(nwb, row) for row in range(len(nwb.electrodes.id)))


def _label(nwb: NWBFile, row: int) -> str:
    """An electrode's name."""
    for column in _LABELS:
        if column in nwb.electrodes.colnames and str(nwb.electrodes[column][row]):
            return str(nwb.electrodes[column][row])
    return f"elec{int(nwb.electrodes.id[row]) + 1:03d}"


def _counts_of(nwb: NWBFile) -> TimeSeries | None:
    module = nwb.processing.get("ecephys")
    return None if module is None else module.data_interfaces.get(COUNTS_NAME)


def _counts(series: TimeSeries) -> SpikeCounts:
    _check_size(series.data, COUNTS_NAME)
    if series.data.dtype != np.uint8 or series.data.ndim != 2:
        raise SessionError(f"{COUNTS_NAME} are {series.data.dtype}: expected uint8, (bin, channel)")
    return SpikeCounts(series.data[:], round(NS_PER_S / series.rate))


def _movement(nwb: NWBFile) -> _Movement | None:
    """The best series that tells of hand or cursor."""
    series = {
        f"{parent} {one.name}".lower(): one
        for parent, one in _all_series(nwb)
        if one.data.ndim == 2 and one.data.shape[1] in (2, 3) and len(one.data) > 2
    }
    for who, what in _MOVES:
        for name, one in series.items():
            if who in name and what in name and "eye" not in name and "target" not in name:
                return _velocity_of(one, is_position=what == "pos")
    return None


def _all_series(nwb: NWBFile) -> Iterator[tuple[str, TimeSeries]]:
    """All series with the name of what holds them."""
    holders = [module.data_interfaces for module in nwb.processing.values()]
    for held in [*holders, nwb.acquisition]:
        for name, one in held.items():
            if isinstance(one, TimeSeries):
                yield "", one
            for inner in ("spatial_series", "time_series"):
                yield from ((name, each) for each in getattr(one, inner, {}).values())


def _velocity_of(series: TimeSeries, is_position: bool) -> _Movement:
    _check_size(series.data, series.name)
    warnings = []
    values = np.asarray(series.data[:, :2], dtype=np.float64)
    if series.timestamps is not None:
        times_s = _seconds(series.timestamps, f"timestamps of {series.name}")
        if times_s.shape != (len(values),):
            raise SessionError(
                f"{series.name} has {len(values)} samples but timestamps {times_s.shape}: expected "
                "one a sample"
            )
    else:
        times_s = series.starting_time + np.arange(len(values)) / series.rate
    to_cm = _CM.get(str(series.unit).lower())
    if to_cm is None:
        warnings.append(f"unit '{series.unit}' of {series.name} is unknown: taken for cm")
    scale = (to_cm or 1.0) * (series.conversion or 1.0)
    # Ours are in cm/s, with a conversion to m/s: no bit of them is to change.
    values = values if abs(scale - 1.0) < 1e-12 else values * scale
    kept = np.isfinite(values).all(axis=1) & (np.abs(times_s) < _LARGEST_S)
    kept[kept] = np.append(True, np.diff(times_s[kept]) > 0) if kept.any() else True
    if n_lost := int((~kept).sum()):
        warnings.append(f"{n_lost:,} samples of {series.name} without value or time of their own")
    times_s, values = times_s[kept], values[kept]
    if is_position and len(values) > 2:
        values = np.gradient(values, times_s, axis=0)
        warnings.append(f"velocity is the derivative of {series.name}")
    return _Movement(series.name, times_s, values, tuple(warnings))


def _kinematics(
    movement: _Movement | None, shift_ns: int
) -> tuple[Kinematics | None, tuple[str, ...]]:
    if movement is None or not movement.times_s.size:
        return None, ()
    times_ns = ns_array_from_s(movement.times_s) + shift_ns
    return Kinematics(times_ns, movement.velocity_cm_s), movement.warnings


def _trial_table(nwb: NWBFile) -> Mapping[str, Any]:
    """Columns of the trials, by name; none if there is no such table."""
    table = nwb.trials
    if table is None or not {"start_time", "stop_time"} <= set(table.colnames):
        return {}
    _check_size(table["start_time"].data, "trials")
    known = {
        *("start_time", "stop_time", "result", "success", DIRECTION_COLUMN, TARGET_COLUMN),
        *("target_pos", "active_target", *_GO_COLUMNS, *_DIRECTION_COLUMNS),
    }
    return {name: table[name][:] for name in table.colnames if name in known}


def _trials(
    table: Mapping[str, Any], kinematics: Kinematics | None, shift_ns: int
) -> tuple[Trials | None, tuple[str, ...]]:
    if not table:
        return None, ()
    start_s, stop_s = (
        np.asarray(table[f"{what}_time"], dtype=np.float64) for what in ("start", "stop")
    )
    go_name = next((name for name in _GO_COLUMNS if name in table), "start_time")
    go_s = np.asarray(table[go_name], dtype=np.float64)
    whole = np.isfinite(start_s) & np.isfinite(stop_s) & np.isfinite(go_s)
    whole &= (stop_s > start_s) & _succeeded(table, len(start_s))
    starts_s = np.where(whole, start_s, np.inf)
    after_s = np.append(np.minimum.accumulate(starts_s[::-1])[::-1][1:], np.inf)
    whole &= stop_s <= after_s
    warnings = [f"no go cue: {go_name} is taken"] if go_name == "start_time" else []
    if n_lost := int((~whole).sum()):
        warnings.append(f"{n_lost} trials that failed, overlap or are not whole, left out")
    if not whole.any():
        return None, tuple(warnings)
    start, go, end = (ns_array_from_s(one[whole]) + shift_ns for one in (start_s, go_s, stop_s))
    way_cm = ways_cm(go, end, kinematics)
    direction_deg, said = _directions(table, whole, way_cm)
    target_cm = np.asarray(table[TARGET_COLUMN])[whole] if TARGET_COLUMN in table else way_cm
    return Trials(start, go, end, direction_deg, target_cm.astype(np.float64)), (*warnings, *said)


def _succeeded(table: Mapping[str, Any], n: int) -> BoolArray:
    """Which trials were not failed, as far as the file tells."""
    if "success" in table:
        return np.asarray(table["success"]).astype(np.bool_)
    if "result" in table:
        good = {"R", "REWARD", "SUCCESS", "TRUE"}
        return np.array([str(result).strip().upper() in good for result in table["result"]])
    return np.ones(n, dtype=np.bool_)


def _directions(
    table: Mapping[str, Any], whole: BoolArray, way_cm: FloatArray
) -> tuple[FloatArray, tuple[str, ...]]:
    """Directions in degrees ``(trial,)``, and what was taken for them."""
    if DIRECTION_COLUMN in table:
        return np.asarray(table[DIRECTION_COLUMN], dtype=np.float64)[whole], ()
    moved = angles_deg(way_cm)
    name = next((name for name in _DIRECTION_COLUMNS if name in table), None)
    if name is not None:
        told = np.asarray(table[name], dtype=np.float64)[whole]
        degrees, unit = told_directions_deg(told, way_cm)
        return degrees, (f"{name} is in {unit}, by its values",)
    if "target_pos" in table:
        place = np.array([_target(table, trial) for trial in np.flatnonzero(whole).tolist()])
        degrees = angles_deg(place)
        return np.where(np.isfinite(degrees), degrees, moved), ()
    return moved, ("directions are those in which the reaches went",)


def _target(table: Mapping[str, Any], trial: int) -> FloatArray:
    """Where a trial's target stood; of several, the active one; NaN if there is no such one."""
    places = np.asarray(table["target_pos"][trial], dtype=np.float64).reshape(-1, 2)
    active = int(table["active_target"][trial]) if "active_target" in table else 0
    place: FloatArray = places[active] if 0 <= active < len(places) else np.full(2, np.nan)
    return place


def _shift_ns(nwb: NWBFile, movement: _Movement | None, table: Mapping[str, Any]) -> int:
    """What to add so that nothing is before zero: whole steps of a grid that bins share."""
    begins_s = [0.0]
    if nwb.units is not None and "spike_times" in nwb.units.colnames:
        begins_s.append(float(_spike_times_s(nwb).min(initial=0.0)))
    if movement is not None:
        begins_s.append(float(movement.times_s.min(initial=0.0)))
    if table:
        begins_s.append(float(np.nanmin(table["start_time"], initial=0.0)))
    first_ns = round(min(begins_s) * NS_PER_S)
    return -(first_ns // REPLAY_GRID_NS) * REPLAY_GRID_NS


def _seconds(data: Any, what: str) -> FloatArray:
    """Times in s; SessionError for what is too large or holds no numbers."""
    _check_size(data, what)
    if data.dtype.kind not in "fiu":
        raise SessionError(f"{what} are {data.dtype}: expected seconds as numbers")
    return np.asarray(data[:], dtype=np.float64)


def _check_size(data: Any, what: str) -> None:
    """SessionError for what would not fit into memory; HDF5 may state any size."""
    n_bytes = int(np.prod(data.shape, dtype=np.float64)) * data.dtype.itemsize
    if n_bytes > _LARGEST_BYTES:
        raise SessionError(
            f"{what}: {n_bytes / 1e9:,.0f} GB, more than a session has; cut the file first"
        )
