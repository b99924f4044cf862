"""MATLAB: TrialData, as the Miller, Gallego and Perich labs share it; or plain arrays of reaches.

TrialData is a struct array, one element a trial: ``bin_size`` (s), ``M1_spikes`` ``(bin, unit)``,
``M1_unit_guide`` ``(unit, 2)``, ``vel`` ``(bin, 2)`` or ``pos``, ``target_direction``,
``idx_go_cue``; in cm and cm/s.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pymatreader import read_mat

from rt_ner.core.arrays import AnyArray, FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.archive import checked_counts, reach_areas, reach_session, whole_recording
from rt_ner.data.formats.matlab.size import check_size
from rt_ner.data.formats.recorded import foreign_file, told_directions_deg, ways_cm
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.session import Kinematics, SpikeCounts, Trials

_SPIKES, _GUIDE = "_spikes", "_unit_guide"
_DIRECTIONS = ("target_direction", "tgtDir", "tgt_dir", "target_dir")
_EXPECTED = (
    "expected TrialData (a struct array with fields bin_size, AREA_spikes and vel or pos), or the "
    "arrays counts_AREA, velocity, direction_deg, bin_s and pad_bins"
)


@dataclass(frozen=True, eq=False)
class _Trial:
    """One element of TrialData: fields by name."""

    fields: Mapping[str, Any]
    area: str

    @property
    def counts(self) -> AnyArray:
        counts = np.asarray(self.fields[self.area + _SPIKES])
        # MATLAB's readers drop an axis of one unit.
        return counts.reshape(len(counts), -1)[self.first : self.last]

    @property
    def first(self) -> int:
        """First bin, from 0."""
        return self._bin("idx_trial_start", 1) - 1

    @property
    def last(self) -> int:
        """One past the last bin."""
        n_bins = len(self.fields[self.area + _SPIKES])
        return min(self._bin("idx_trial_end", n_bins), n_bins)

    @property
    def go(self) -> int:
        """Bins from the trial's first to the go."""
        return max(self._bin("idx_go_cue", self.first + 1) - 1 - self.first, 0)

    @property
    def has_go(self) -> bool:
        """Whether the go cue is told."""
        return self._bin("idx_go_cue", 0) > 0

    def _bin(self, name: str, usual: int) -> int:
        """A bin's number, from 1; MATLAB has NaN or nothing where there is none."""
        value = np.ravel(self.fields.get(name, usual))
        is_known = value.size and np.isfinite(value[0]) and value[0] >= 1
        return int(value[0]) if is_known else usual

    @property
    def velocity_cm_s(self) -> FloatArray:
        name = "vel" if "vel" in self.fields else "pos"
        values = np.asarray(self.fields[name], dtype=np.float64)[:, :2]
        if name == "pos":
            values = np.gradient(values, float(np.ravel(self.fields["bin_size"])[0]), axis=0)
        velocity: FloatArray = values[self.first : self.last]
        if velocity.shape != (len(self.counts), 2):
            raise SessionError(
                f"{name} {velocity.shape} does not fit {len(self.counts)} bins of spikes"
            )
        return velocity

    @property
    def direction(self) -> float:
        """As it is told, in whatever unit; NaN if not."""
        told = next((self.fields[name] for name in _DIRECTIONS if name in self.fields), np.nan)
        return float(np.append(np.ravel(told), np.nan)[0])

    @property
    def is_good(self) -> bool:
        succeeded = str(self.fields.get("result", "R")).strip() == "R"
        return succeeded and self.first + self.go < self.last


def read(path: Path, area: str | None) -> RecordingFile:
    """Read a MATLAB file of either version; ``area``: as its fields are named."""
    with foreign_file("MATLAB file", f"; {_EXPECTED}"):
        check_size(path)
        content = read_mat(path)
        if areas := reach_areas(content):
            plain = {name: np.asarray(value) for name, value in content.items()}
            return whole_recording(reach_session(plain, area, path.stem), areas)
        return _trial_data(content, area, path)


def _trial_data(content: Mapping[str, Any], area: str | None, path: Path) -> RecordingFile:
    """All trials end to end, in recorded order: history runs across the joins."""
    name, rows = _rows(content)
    areas = tuple(
        sorted(field.removesuffix(_SPIKES) for field in rows[0] if field.endswith(_SPIKES))
    )
    chosen = area or areas[0]
    if chosen not in areas:
        raise SessionError(f"no area '{chosen}': this file holds {', '.join(areas)}")
    all_trials = [_Trial(row, chosen) for row in rows]
    trials = [trial for trial in all_trials if trial.is_good]
    if not trials:
        raise SessionError(f"none of {len(rows)} trials has result 'R' and bins")
    sizes_s = {float(np.ravel(row["bin_size"])[0]) for row in rows}
    bin_ns = round(min(sizes_s) * NS_PER_S)
    if len(sizes_s) > 1 or bin_ns <= 0:
        raise SessionError(
            f"bin_size = {', '.join(map(str, sorted(sizes_s)))}: expected one for all trials, in "
            "seconds, 0.01 say"
        )
    counts = checked_counts(np.concatenate([trial.counts for trial in trials]))
    velocity = np.concatenate([trial.velocity_cm_s for trial in trials])
    known = np.isfinite(velocity).all(axis=1)
    ends_ns = (np.arange(len(counts), dtype=np.int64) + 1) * bin_ns
    kinematics = Kinematics(ends_ns[known], velocity[known])
    found = {
        "trials that failed, or have no bins or go cue within them, left out": len(rows)
        - len(trials),
        "bins without velocity": int((~known).sum()),
    }
    laid, said = _laid_out(trials, bin_ns, kinematics)
    if "vel" not in rows[0]:
        said = (*said, "there is no vel: velocity is the derivative of pos")
    return RecordingFile(
        name=path.stem,
        areas=(chosen, *(other for other in areas if other != chosen)),
        channel_ids=_channel_ids(trials[0], chosen, counts.shape[1]),
        spikes=SpikeCounts(counts, bin_ns),
        kinematics=kinematics,
        trials=laid,
        contents=(
            f"TrialData '{name}': {len(rows)} trials, bins of {bin_ns / 1e6:g} ms",
            f"fields {', '.join(rows[0])}",
        ),
        warnings=(*(f"{n} {what}" for what, n in found.items() if n), *said),
        provenance={"file": path.name, "layout": "TrialData"},
    )


def _rows(content: Mapping[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """The struct array that is TrialData, its name, and its elements."""
    for name, value in content.items():
        if not isinstance(value, dict):
            continue
        has_spikes = any(key.endswith(_SPIKES) for key in value)
        if "bin_size" in value and has_spikes and ("vel" in value or "pos" in value):
            if not isinstance(value["bin_size"], list):
                return name, [value]
            n = len(value["bin_size"])
            listed = {
                key: one for key, one in value.items() if isinstance(one, list) and len(one) == n
            }
            return name, [{key: one[row] for key, one in listed.items()} for row in range(n)]
    raise SessionError(f"{_EXPECTED}; it holds {', '.join(content) or 'nothing'}")


def _laid_out(
    trials: list[_Trial], bin_ns: int, kinematics: Kinematics
) -> tuple[Trials, tuple[str, ...]]:
    n_bins = np.array([trial.last - trial.first for trial in trials], dtype=np.int64)
    end = np.cumsum(n_bins) * bin_ns
    start: Int64Array = end - n_bins * bin_ns
    go = start + np.array([trial.go for trial in trials], dtype=np.int64) * bin_ns
    way_cm = ways_cm(go, end, kinematics)
    told = np.array([trial.direction for trial in trials])
    degrees, unit = told_directions_deg(told, way_cm)
    n_without_go = sum(not trial.has_go for trial in trials)
    said = [f"directions are in {unit}, by their values"]
    if n_without_go:
        said.append(f"{n_without_go} trials tell no go cue: their start is taken")
    if n_untold := int((~np.isfinite(told)).sum()):
        said.append(f"{n_untold} directions are those in which the reaches went")
    return Trials(start, go, end, np.round(degrees, 9), way_cm), tuple(said)


def _channel_ids(trial: _Trial, area: str, n_units: int) -> tuple[str, ...]:
    """``elecNNN/UNIT`` as the unit guide says, else numbered units."""
    guide = np.asarray(trial.fields.get(area + _GUIDE, np.zeros((0, 2))))
    if guide.shape == (n_units, 2):
        ids = tuple(f"elec{int(electrode):03d}/{int(unit)}" for electrode, unit in guide)
        if len(set(ids)) == n_units:
            return ids
    return tuple(f"{area}-{unit + 1:03d}" for unit in range(n_units))
