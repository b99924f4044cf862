"""Read MATLAB files of either version, in TrialData or the reach layout."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pymatreader import read_mat

from rt_ner.core.arrays import Int64Array
from rt_ner.core.clock import NS_PER_MS, NS_PER_S
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.foreign_files import foreign_file
from rt_ner.data.formats.common.reaches import displacements_cm, stated_directions_deg
from rt_ner.data.formats.matlab.size import check_size
from rt_ner.data.formats.matlab.trial_row import SPIKES, TrialRow
from rt_ner.data.formats.reach import REACH_ARRAYS, checked_counts, reach_areas, reach_session
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.spikes import SpikeCounts
from rt_ner.data.session.trials import Trials

_EXPECTED = (
    "expected TrialData (a struct array with fields bin_size, AREA_spikes and vel or pos), or "
    + REACH_ARRAYS
)


def read(path: Path, area: str | None) -> RecordingFile:
    """Read a MATLAB file; areas are the prefixes of its fields."""
    with foreign_file("MATLAB file", f"; {_EXPECTED}"):
        check_size(path)
        content = read_mat(path)
        if areas := reach_areas(content):
            arrays = {name: np.asarray(value) for name, value in content.items()}
            return RecordingFile.of_session(reach_session(arrays, area, path), areas)
        return _trial_data(content, area, path)


def _trial_data(content: Mapping[str, Any], area: str | None, path: Path) -> RecordingFile:
    """Join the good trials end to end, in recorded order; history runs across the joins."""
    name, rows = _rows(content)
    areas = tuple(sorted(field.removesuffix(SPIKES) for field in rows[0] if field.endswith(SPIKES)))
    chosen = area or areas[0]
    if chosen not in areas:
        raise SessionError(f"no area '{chosen}': this file holds {', '.join(areas)}")
    trials = [trial for trial in (TrialRow(row, chosen) for row in rows) if trial.is_good]
    if not trials:
        raise SessionError(f"none of {len(rows)} trials is usable: expected result 'R' and bins")
    bin_ns = _bin_ns(rows)
    counts = checked_counts(np.concatenate([trial.counts for trial in trials]))
    kinematics, n_unknown = _kinematics(trials, bin_ns)
    joined, warnings = _joined(trials, bin_ns, kinematics)
    if n_unknown:
        warnings.insert(0, f"bins without velocity: {n_unknown}")
    if n_bad := len(rows) - len(trials):
        warnings.insert(
            0, f"trials that failed, or have no bins or go cue within them, left out: {n_bad}"
        )
    if "vel" not in rows[0]:
        warnings.append("no field vel: velocity is the derivative of pos")
    return RecordingFile(
        name=path.stem,
        areas=(chosen, *(other for other in areas if other != chosen)),
        channel_ids=trials[0].channel_ids(counts.shape[1]),
        spikes=SpikeCounts(counts, bin_ns),
        behaviour=kinematics,
        trials=joined,
        contents=(
            f"TrialData '{name}': {len(rows)} trials, bins of {bin_ns / NS_PER_MS:g} ms",
            f"fields {', '.join(rows[0])}",
        ),
        warnings=tuple(warnings),
        provenance={"file": path.name, "layout": "TrialData"},
    )


def _rows(content: Mapping[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """Return the name of the struct array that is TrialData, and its elements."""
    for name, value in content.items():
        if not isinstance(value, dict):
            continue
        has_spikes = any(key.endswith(SPIKES) for key in value)
        if "bin_size" in value and has_spikes and ("vel" in value or "pos" in value):
            if not isinstance(value["bin_size"], list):
                return name, [value]
            n = len(value["bin_size"])
            listed = {
                key: one for key, one in value.items() if isinstance(one, list) and len(one) == n
            }
            return name, [{key: one[row] for key, one in listed.items()} for row in range(n)]
    raise SessionError(f"{_EXPECTED}; it holds {', '.join(content) or 'nothing'}")


def _bin_ns(rows: Sequence[Mapping[str, Any]]) -> int:
    """Return the length of a bin, which all trials must share."""
    sizes_s = {float(np.ravel(row["bin_size"])[0]) for row in rows}
    bin_ns = round(min(sizes_s) * NS_PER_S)
    if len(sizes_s) > 1 or bin_ns <= 0:
        raise SessionError(
            f"bin_size = {', '.join(map(str, sorted(sizes_s)))}: expected the same for all trials, "
            "in seconds, for example 0.01"
        )
    return bin_ns


def _kinematics(trials: Sequence[TrialRow], bin_ns: int) -> tuple[Behaviour, int]:
    """Return the velocity of all bins that have one, and the number of other bins."""
    velocity = np.concatenate([trial.velocity_cm_s for trial in trials])
    known = np.isfinite(velocity).all(axis=1)
    ends_ns = (np.arange(len(velocity), dtype=np.int64) + 1) * bin_ns
    return Behaviour(ends_ns[known], velocity[known]), int((~known).sum())


def _joined(
    trials: Sequence[TrialRow], bin_ns: int, kinematics: Behaviour
) -> tuple[Trials, list[str]]:
    """Return the trials end to end, and warnings."""
    n_bins = np.array([trial.last - trial.first for trial in trials], dtype=np.int64)
    end = np.cumsum(n_bins) * bin_ns
    start: Int64Array = end - n_bins * bin_ns
    go = start + np.array([trial.go for trial in trials], dtype=np.int64) * bin_ns
    moved_cm = displacements_cm(go, end, kinematics)
    stated = np.array([trial.direction for trial in trials])
    degrees, unit = stated_directions_deg(stated, moved_cm)
    warnings = [f"directions are assumed to be in {unit}, judging by their values"]
    if n_without_go := sum(not trial.has_go for trial in trials):
        warnings.append(f"trials without a go cue, whose start is used instead: {n_without_go}")
    if n_unstated := int((~np.isfinite(stated)).sum()):
        warnings.append(f"trials without a direction, whose movement is used instead: {n_unstated}")
    return Trials(start, go, end, np.round(degrees, 9), moved_cm), warnings
