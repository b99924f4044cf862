"""Movement and trials of an NWB file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pynwb import NWBFile, TimeSeries

from rt_ner.core.arrays import BoolArray, FloatArray
from rt_ner.core.clock import ns_array_from_s
from rt_ner.core.contract.kinds import CM_PER_UNIT
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.reaches import (
    angles_deg,
    displacements_cm,
    stated_directions_deg,
)
from rt_ner.data.formats.nwb.datasets import (
    DIRECTION_COLUMN,
    LARGEST_S,
    TARGET_COLUMN,
    check_size,
    seconds,
)
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.trials import Trials

_CM = CM_PER_UNIT | {"meters": 100.0}
# Parts of a series' name, in order of preference. Eyes and targets move too.
_MOVEMENTS = tuple(
    (mover, quantity) for quantity in ("vel", "pos") for mover in ("hand", "cursor", "")
)
_GO_COLUMNS = ("go_cue_time", "go_time", "go_cue")
_DIRECTION_COLUMNS = ("target_dir", "target_direction", "tgt_dir", "direction")
_SUCCESS = {"R", "REWARD", "SUCCESS", "TRUE"}


@dataclass(frozen=True, eq=False, repr=False)
class Movement:
    """Velocity ``(sample, 2)`` in cm/s at times in s, and warnings."""

    name: str
    times_s: FloatArray
    velocity_cm_s: FloatArray
    warnings: tuple[str, ...]

    def kinematics(self, shift_ns: int) -> Behaviour | None:
        """Return the kinematics with time shifted; None if there are no samples."""
        if not self.times_s.size:
            return None
        return Behaviour(ns_array_from_s(self.times_s) + shift_ns, self.velocity_cm_s)


def movement_of(nwb: NWBFile) -> Movement | None:
    """Return the movement of the hand or cursor, preferably its velocity."""
    series = {
        f"{holder} {one.name}".lower(): one
        for holder, one in _all_series(nwb)
        if one.data.ndim == 2 and one.data.shape[1] in (2, 3) and len(one.data) > 2
    }
    for mover, quantity in _MOVEMENTS:
        for name, one in series.items():
            is_wanted = mover in name and quantity in name
            if is_wanted and "eye" not in name and "target" not in name:
                return _movement(one, is_position=quantity == "pos")
    return None


def trial_table_of(nwb: NWBFile) -> Mapping[str, Any]:
    """Return the columns of the trials table by name; empty without such a table."""
    table = nwb.trials
    if table is None or not {"start_time", "stop_time"} <= set(table.colnames):
        return {}
    check_size(table["start_time"].data, "trials")
    known = {
        *("start_time", "stop_time", "result", "success", DIRECTION_COLUMN, TARGET_COLUMN),
        *("target_pos", "active_target", *_GO_COLUMNS, *_DIRECTION_COLUMNS),
    }
    return {name: table[name][:] for name in table.colnames if name in known}


def trials_of(
    table: Mapping[str, Any], kinematics: Behaviour | None, shift_ns: int
) -> tuple[Trials | None, tuple[str, ...]]:
    """Return the successful, complete trials, and warnings."""
    if not table:
        return None, ()
    go_name = next((name for name in _GO_COLUMNS if name in table), "start_time")
    start_s, go_s, stop_s = (
        np.asarray(table[name], dtype=np.float64) for name in ("start_time", go_name, "stop_time")
    )
    kept = _complete(start_s, go_s, stop_s, _succeeded(table, len(start_s)))
    warnings = [f"no go cues: {go_name} is used instead"] if go_name == "start_time" else []
    if n_lost := int((~kept).sum()):
        warnings.append(f"trials that failed, overlap or are incomplete, left out: {n_lost}")
    if not kept.any():
        return None, tuple(warnings)
    start, go, end = (ns_array_from_s(one[kept]) + shift_ns for one in (start_s, go_s, stop_s))
    moved_cm = displacements_cm(go, end, kinematics)
    direction_deg, more = _directions(table, kept, moved_cm)
    target_cm = np.asarray(table[TARGET_COLUMN])[kept] if TARGET_COLUMN in table else moved_cm
    return Trials(start, go, end, direction_deg, target_cm.astype(np.float64)), (*warnings, *more)


def _all_series(nwb: NWBFile) -> Iterator[tuple[str, TimeSeries]]:
    """Yield all time series with the name of the object that holds each."""
    holders = [module.data_interfaces for module in nwb.processing.values()]
    for held in [*holders, nwb.acquisition]:
        for name, one in held.items():
            if isinstance(one, TimeSeries):
                yield "", one
            for inner in ("spatial_series", "time_series"):
                yield from ((name, each) for each in getattr(one, inner, {}).values())


def _movement(series: TimeSeries, is_position: bool) -> Movement:
    """Return a series as velocity, without samples that have no value or time."""
    check_size(series.data, series.name)
    values, warnings = _in_cm(series)
    times_s = _sample_times_s(series, len(values))
    kept = np.isfinite(values).all(axis=1) & (np.abs(times_s) < LARGEST_S)
    kept[kept] = np.append(True, np.diff(times_s[kept]) > 0) if kept.any() else True
    if n_lost := int((~kept).sum()):
        warnings.append(
            f"samples of {series.name} without a value or a valid time, left out: {n_lost:,}"
        )
    times_s, values = times_s[kept], values[kept]
    if is_position and len(values) > 2:
        values = np.gradient(values, times_s, axis=0)
        warnings.append(f"velocity is the derivative of {series.name}")
    return Movement(series.name, times_s, values, tuple(warnings))


def _in_cm(series: TimeSeries) -> tuple[FloatArray, list[str]]:
    """Return the values of x and y in cm or cm/s, and warnings."""
    values = np.asarray(series.data[:, :2], dtype=np.float64)
    to_cm = _CM.get(str(series.unit).lower())
    warnings = []
    if to_cm is None:
        warnings.append(f"unit '{series.unit}' of {series.name} is unknown: assumed to be cm")
    scale = (to_cm or 1.0) * (series.conversion or 1.0)
    # Our own files hold cm/s with a conversion to m/s: not a bit of them may change.
    return values if abs(scale - 1.0) < 1e-12 else values * scale, warnings


def _sample_times_s(series: TimeSeries, n_samples: int) -> FloatArray:
    """Return the time of each sample in s."""
    if series.timestamps is None:
        times: FloatArray = series.starting_time + np.arange(n_samples) / series.rate
        return times
    times_s = seconds(series.timestamps, f"timestamps of {series.name}")
    if times_s.shape != (n_samples,):
        raise SessionError(
            f"{series.name} has {n_samples} samples but timestamps {times_s.shape}: expected "
            "one per sample"
        )
    return times_s


def _complete(
    start_s: FloatArray, go_s: FloatArray, stop_s: FloatArray, succeeded: BoolArray
) -> BoolArray:
    """Return which trials succeeded, have all times, and end before the next one starts."""
    kept = np.isfinite(start_s) & np.isfinite(stop_s) & np.isfinite(go_s)
    kept &= (stop_s > start_s) & succeeded
    starts_s = np.where(kept, start_s, np.inf)
    following_s = np.append(np.minimum.accumulate(starts_s[::-1])[::-1][1:], np.inf)
    return kept & (stop_s <= following_s)


def _succeeded(table: Mapping[str, Any], n: int) -> BoolArray:
    """Return which trials succeeded; all, if the file has no results."""
    if "success" in table:
        return np.asarray(table["success"]).astype(np.bool_)
    if "result" in table:
        return np.array([str(result).strip().upper() in _SUCCESS for result in table["result"]])
    return np.ones(n, dtype=np.bool_)


def _directions(
    table: Mapping[str, Any], kept: BoolArray, moved_cm: FloatArray
) -> tuple[FloatArray, tuple[str, ...]]:
    """Return directions in degrees ``(trial,)``, and warnings about their origin."""
    if DIRECTION_COLUMN in table:
        return np.asarray(table[DIRECTION_COLUMN], dtype=np.float64)[kept], ()
    moved_deg = angles_deg(moved_cm)
    name = next((name for name in _DIRECTION_COLUMNS if name in table), None)
    if name is not None:
        stated = np.asarray(table[name], dtype=np.float64)[kept]
        degrees, unit = stated_directions_deg(stated, moved_cm)
        return degrees, (f"{name} is assumed to be in {unit}, judging by its values",)
    if "target_pos" in table:
        targets = np.array([_target(table, trial) for trial in np.flatnonzero(kept).tolist()])
        degrees = angles_deg(targets)
        return np.where(np.isfinite(degrees), degrees, moved_deg), ()
    return moved_deg, ("no directions: those of the movement are used",)


def _target(table: Mapping[str, Any], trial: int) -> FloatArray:
    """Return the position of a trial's (active) target; NaN without one."""
    positions = np.asarray(table["target_pos"][trial], dtype=np.float64).reshape(-1, 2)
    active = int(table["active_target"][trial]) if "active_target" in table else 0
    position: FloatArray = positions[active] if 0 <= active < len(positions) else np.full(2, np.nan)
    return position
