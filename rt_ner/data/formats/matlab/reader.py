"""Read MATLAB files of either version, in TrialData or the reach layout."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rt_ner.core.arrays import Int64Array
from rt_ner.core.clock import NS_PER_MS, NS_PER_S
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.counts import counts_of
from rt_ner.data.formats.common.guards.foreign_files import described, foreign_file
from rt_ner.data.formats.common.trials.directions import (
    displacements_cm,
    stated_directions,
    way_deg,
)
from rt_ner.data.formats.common.trials.outcomes import outcomes
from rt_ner.data.formats.matlab.contents import contents_of
from rt_ner.data.formats.matlab.trial_row import SPIKES, TrialRow, bin_seconds
from rt_ner.data.formats.reach import REACH_ARRAYS, reach_areas, reach_session
from rt_ner.data.formats.recipe.builtin_recipes import read_known
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
        content = contents_of(path)
        if areas := reach_areas(content):
            arrays = {name: np.asarray(value) for name, value in content.items()}
            return RecordingFile.of_session(reach_session(arrays, area, path), areas)
        known = read_known(content, path, area)
        return known or _trial_data(content, area, path)


def _trial_data(content: Mapping[str, Any], area: str | None, path: Path) -> RecordingFile:
    """Join the good trials end to end, in recorded order; history runs across the joins."""
    name, rows = _rows(content)
    areas = tuple(sorted(field.removesuffix(SPIKES) for field in rows[0] if field.endswith(SPIKES)))
    chosen = area or areas[0]
    if chosen not in areas:
        raise SessionError(f"no area '{chosen}': this file holds {', '.join(areas)}")
    results = {"result": [row["result"] for row in rows]} if "result" in rows[0] else {}
    found = outcomes(results, len(rows))
    succeeded = [row for row, is_good in zip(rows, found.succeeded, strict=True) if is_good]
    trials = [trial for trial in (TrialRow(row, chosen) for row in succeeded) if trial.is_good]
    if not trials:
        raise SessionError(f"none of {len(rows)} trials is usable: expected result 'R' and bins")
    bin_ns = _bin_ns(rows)
    counts, count_note = counts_of(
        np.concatenate([trial.counts for trial in trials]), bin_ns / NS_PER_S
    )
    kinematics, n_unknown = _kinematics(trials, bin_ns)
    joined, warnings = _joined(trials, bin_ns, kinematics)
    warnings += [*found.notes, *([count_note] if count_note else []), *_bin_notes(rows)]
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
    for name, value in _structs(content):
        if isinstance(value, list):
            return name, value
        if _is_row(value):
            if not isinstance(value["bin_size"], list):
                return name, [value]
            n = len(value["bin_size"])
            listed = {
                key: one for key, one in value.items() if isinstance(one, list) and len(one) == n
            }
            return name, [{key: one[row] for key, one in listed.items()} for row in range(n)]
    raise SessionError(f"{_EXPECTED}; it holds {described(content)}")


def _is_row(fields: Any) -> bool:
    """Return True for a struct with the fields of TrialData."""
    if not isinstance(fields, dict):
        return False
    has_spikes = any(key.endswith(SPIKES) for key in fields)
    return "bin_size" in fields and has_spikes and ("vel" in fields or "pos" in fields)


def _structs(
    content: Mapping[str, Any], depth: int = 3
) -> Iterator[tuple[str, dict[str, Any] | list[dict[str, Any]]]]:
    """Yield all structs of a file by name, those within others too, and cells of a trial each."""
    for name, value in content.items():
        if isinstance(value, list) and value and all(map(_is_row, value)):
            yield name, value
        if isinstance(value, dict):
            yield name, value
            if depth > 1:
                yield from ((f"{name}.{inner}", one) for inner, one in _structs(value, depth - 1))


def _bin_ns(rows: Sequence[Mapping[str, Any]]) -> int:
    """Return the length of a bin, which all trials must share."""
    sizes_s = {bin_seconds(row) for row in rows}
    bin_ns = round(min(sizes_s) * NS_PER_S)
    if len(sizes_s) > 1 or bin_ns <= 0:
        raise SessionError(
            f"bin_size = {', '.join(map(str, sorted(sizes_s)))}: expected the same for all trials, "
            "in seconds, for example 0.01"
        )
    return bin_ns


def _bin_notes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a note if the bins' length is not stated in seconds."""
    stated = float(np.ravel(rows[0]["bin_size"])[0])
    if stated == bin_seconds(rows[0]):
        return []
    return [f"bin_size = {stated:g} is taken to be in ms: no bin is so many seconds long"]


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
    degrees, notes = stated_directions("target_direction", stated, way_deg(go, end, kinematics))
    warnings = list(notes)
    if n_without_go := sum(not trial.has_go for trial in trials):
        warnings.append(f"trials without a go cue, whose start is used instead: {n_without_go}")
    if n_unstated := int((~np.isfinite(stated)).sum()):
        warnings.append(f"trials without a direction, whose movement is used instead: {n_unstated}")
    return Trials(start, go, end, np.round(degrees, 9), moved_cm), warnings
