"""Trials of an NWB file."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from pynwb import NWBFile

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.data.formats.common.trials.directions import (
    Directions,
    complete,
    displacements_cm,
    stated_directions,
    target_directions,
    way_deg,
)
from rt_ner.data.formats.common.trials.outcomes import OUTCOME_COLUMNS, outcomes
from rt_ner.data.formats.common.trials.trial_table import trial_times
from rt_ner.data.formats.nwb.datasets import DIRECTION_COLUMN, TARGET_COLUMN, check_size
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.trials import Trials

_GO_COLUMNS = ("go_cue_time", "go_time", "go_cue")
_DIRECTION_COLUMNS = ("target_dir", "target_direction", "tgt_dir", "direction")
_KNOWN = {
    "start_time", "stop_time", DIRECTION_COLUMN, TARGET_COLUMN, "target_pos", "active_target",
    *OUTCOME_COLUMNS, *_GO_COLUMNS, *_DIRECTION_COLUMNS,
}  # fmt: skip


def trial_table_of(nwb: NWBFile) -> Mapping[str, Any]:
    """Return the columns of the trials table by name; empty without such a table."""
    table = nwb.trials
    if table is None or not {"start_time", "stop_time"} <= set(table.colnames):
        return {}
    check_size(table["start_time"].data, "trials")
    return {name: table[name][:] for name in table.colnames if name in _KNOWN}


def trials_of(
    table: Mapping[str, Any], kinematics: Behaviour | None, shift_ns: int
) -> tuple[Trials | None, tuple[str, ...]]:
    """Return the successful, complete trials, and warnings."""
    if not table:
        return None, ()
    start_s, stop_s = (
        np.asarray(table[name], dtype=np.float64) for name in ("start_time", "stop_time")
    )
    go_name = next((name for name in _GO_COLUMNS if _numbers(table, name) is not None), "")
    go_s = _numbers(table, go_name)
    found = outcomes(table, len(start_s))
    times = trial_times(start_s, start_s if go_s is None else go_s, stop_s, found.succeeded)
    notes = [*found.notes, *([] if go_name else ["no go cues: start_time is used instead"])]
    notes += times.notes
    if not times.rows.size:
        return None, tuple(notes)
    start, go, end = (each + shift_ns for each in (times.start_ns, times.go_ns, times.end_ns))
    moved_cm = displacements_cm(go, end, kinematics)
    degrees, more = _directions(table, times.rows, way_deg(go, end, kinematics))
    target_cm = np.asarray(table[TARGET_COLUMN])[times.rows] if TARGET_COLUMN in table else moved_cm
    return Trials(start, go, end, degrees, target_cm.astype(np.float64)), (*notes, *more)


def _numbers(table: Mapping[str, Any], name: str) -> FloatArray | None:
    """Return a column of one number per trial; None if it is absent or holds anything else."""
    try:
        values = np.asarray(table[name], dtype=np.float64)
    except (KeyError, TypeError, ValueError):
        return None
    return values if values.ndim == 1 else None


def _directions(table: Mapping[str, Any], rows: Int64Array, moved_deg: FloatArray) -> Directions:
    """Return the directions of some trials; those of the movement if the table states none."""
    own = _numbers(table, DIRECTION_COLUMN)
    if own is not None:
        return Directions(own[rows], ())
    for name in _DIRECTION_COLUMNS:
        if (stated := _numbers(table, name)) is not None:
            return stated_directions(name, stated[rows], moved_deg)
    if "target_pos" in table:
        targets = np.array([_target(table, trial) for trial in rows.tolist()])
        return target_directions("target_pos", targets, moved_deg)
    return complete(moved_deg, "no directions: those of the movement are used")


def _target(table: Mapping[str, Any], trial: int) -> FloatArray:
    """Return the position of a trial's (active) target; NaN without one."""
    unknown: FloatArray = np.full(2, np.nan)
    try:
        position = np.ravel(np.asarray(table["target_pos"][trial], dtype=np.float64))
        active = int(table["active_target"][trial]) if "active_target" in table else 0
    except (TypeError, ValueError):
        return unknown
    # Two or three coordinates of one target, or two of each of several.
    if position.size == 3:
        return position[:2]
    positions = position[: position.size // 2 * 2].reshape(-1, 2)
    return positions[active] if 0 <= active < len(positions) else unknown
