"""One trial of TrialData, the struct array of the Miller, Gallego and Perich labs.

Its fields: ``bin_size`` (s), ``M1_spikes`` ``(bin, unit)``, ``M1_unit_guide`` ``(unit, 2)``,
``vel`` or ``pos`` ``(bin, 2)`` in cm/s or cm, ``target_direction``, ``idx_go_cue``. Older files
have other names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.core.errors import SessionError

SPIKES, _GUIDE = "_spikes", "_unit_guide"
_START, _END = ("idx_trial_start", "idx_startTime"), ("idx_trial_end", "idx_endTime")
_GO = ("idx_go_cue", "idx_goCueTime")
_DIRECTIONS = ("target_direction", "tgtDir", "tgt_dir", "target_dir")


def bin_seconds(fields: Mapping[str, Any]) -> float:
    """Return the length of a bin in s; a number that can only be in ms is taken to be."""
    stated = float(np.ravel(fields["bin_size"])[0])
    return stated if stated < 1.0 else stated / 1000


@dataclass(frozen=True, eq=False, repr=False)
class TrialRow:
    """One element of the struct array: fields by name."""

    fields: Mapping[str, Any]
    area: str

    @property
    def counts(self) -> AnyArray:
        """Spike counts, ``(bin, unit)``."""
        return self._spikes[self.first : self.last]

    @cached_property
    def _spikes(self) -> AnyArray:
        """Spike counts of all bins, ``(bin, unit)``."""
        counts = np.asarray(self.fields[self.area + SPIKES])
        if counts.ndim == 2 and counts.shape[0] != self._n_moved == counts.shape[1] != len(
            self._guide
        ):
            counts = counts.T
        # MATLAB's readers drop an axis of one unit.
        return counts.reshape(len(counts), -1)

    @property
    def _guide(self) -> AnyArray:
        """Electrode and unit of each unit, ``(unit, 2)``; empty without a unit guide."""
        return np.asarray(self.fields.get(self.area + _GUIDE, np.zeros((0, 2))))

    @property
    def _n_moved(self) -> int:
        """Number of bins of the movement."""
        return len(np.asarray(self.fields["vel" if "vel" in self.fields else "pos"]))

    @property
    def first(self) -> int:
        """Index of the first bin."""
        return self._bin(_START, 1) - 1

    @property
    def last(self) -> int:
        """Index after the last bin."""
        n_bins = len(self._spikes)
        return min(self._bin(_END, n_bins), n_bins)

    @property
    def go(self) -> int:
        """Number of bins from the first one to the go cue."""
        return max(self._bin(_GO, self.first + 1) - 1 - self.first, 0)

    @property
    def has_go(self) -> bool:
        """True if the trial has a go cue."""
        return self._bin(_GO, 0) > 0

    @property
    def velocity_cm_s(self) -> FloatArray:
        """Velocity in cm/s, ``(bin, 2)``."""
        name = "vel" if "vel" in self.fields else "pos"
        values = np.asarray(self.fields[name], dtype=np.float64)[:, :2]
        if name == "pos":
            values = np.gradient(values, self.bin_s, axis=0)
        velocity: FloatArray = values[self.first : self.last]
        if velocity.shape != (len(self.counts), 2):
            raise SessionError(
                f"{name} {velocity.shape} does not fit {len(self.counts)} bins of spikes"
            )
        return velocity

    @property
    def bin_s(self) -> float:
        """Length of a bin in s."""
        return bin_seconds(self.fields)

    @property
    def direction(self) -> float:
        """Direction in the file's unit, whichever that is; NaN if there is none."""
        stated = next((self.fields[name] for name in _DIRECTIONS if name in self.fields), np.nan)
        return float(np.append(np.ravel(stated), np.nan)[0])

    @property
    def is_good(self) -> bool:
        """True if the trial has its go cue within it."""
        return self.first + self.go < self.last

    def channel_ids(self, n_units: int) -> tuple[str, ...]:
        """Return ``elecNNN/UNIT`` from the unit guide, or numbered units without one."""
        guide = self._guide
        if guide.shape == (n_units, 2):
            ids = tuple(f"elec{int(electrode):03d}/{int(unit)}" for electrode, unit in guide)
            if len(set(ids)) == n_units:
                return ids
        return tuple(f"{self.area}-{unit + 1:03d}" for unit in range(n_units))

    def _bin(self, names: Sequence[str], default: int) -> int:
        """Return a bin's number, from 1. MATLAB stores NaN or nothing where there is none."""
        name = next((name for name in names if name in self.fields), "")
        value = np.ravel(self.fields.get(name, default))
        is_known = value.size and np.isfinite(value[0]) and value[0] >= 1
        return int(value[0]) if is_known else default
