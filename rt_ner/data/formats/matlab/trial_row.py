"""One trial of TrialData, the struct array of the Miller, Gallego and Perich labs.

Its fields: ``bin_size`` (s), ``M1_spikes`` ``(bin, unit)``, ``M1_unit_guide`` ``(unit, 2)``,
``vel`` or ``pos`` ``(bin, 2)`` in cm/s or cm, ``target_direction``, ``idx_go_cue``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.core.errors import SessionError

SPIKES, _GUIDE = "_spikes", "_unit_guide"
_DIRECTIONS = ("target_direction", "tgtDir", "tgt_dir", "target_dir")


@dataclass(frozen=True, eq=False, repr=False)
class TrialRow:
    """One element of the struct array: fields by name."""

    fields: Mapping[str, Any]
    area: str

    @property
    def counts(self) -> AnyArray:
        """Spike counts, ``(bin, unit)``."""
        counts = np.asarray(self.fields[self.area + SPIKES])
        # MATLAB's readers drop an axis of one unit.
        return counts.reshape(len(counts), -1)[self.first : self.last]

    @property
    def first(self) -> int:
        """Index of the first bin."""
        return self._bin("idx_trial_start", 1) - 1

    @property
    def last(self) -> int:
        """Index after the last bin."""
        n_bins = len(self.fields[self.area + SPIKES])
        return min(self._bin("idx_trial_end", n_bins), n_bins)

    @property
    def go(self) -> int:
        """Number of bins from the first one to the go cue."""
        return max(self._bin("idx_go_cue", self.first + 1) - 1 - self.first, 0)

    @property
    def has_go(self) -> bool:
        """True if the trial has a go cue."""
        return self._bin("idx_go_cue", 0) > 0

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
        return float(np.ravel(self.fields["bin_size"])[0])

    @property
    def direction(self) -> float:
        """Direction in the file's unit, whichever that is; NaN if there is none."""
        stated = next((self.fields[name] for name in _DIRECTIONS if name in self.fields), np.nan)
        return float(np.append(np.ravel(stated), np.nan)[0])

    @property
    def is_good(self) -> bool:
        """True if the trial succeeded and has its go cue within it."""
        succeeded = str(self.fields.get("result", "R")).strip() == "R"
        return succeeded and self.first + self.go < self.last

    def channel_ids(self, n_units: int) -> tuple[str, ...]:
        """Return ``elecNNN/UNIT`` from the unit guide, or numbered units without one."""
        guide = np.asarray(self.fields.get(self.area + _GUIDE, np.zeros((0, 2))))
        if guide.shape == (n_units, 2):
            ids = tuple(f"elec{int(electrode):03d}/{int(unit)}" for electrode, unit in guide)
            if len(set(ids)) == n_units:
                return ids
        return tuple(f"{self.area}-{unit + 1:03d}" for unit in range(n_units))

    def _bin(self, name: str, default: int) -> int:
        """Return a bin's number, from 1. MATLAB stores NaN or nothing where there is none."""
        value = np.ravel(self.fields.get(name, default))
        is_known = value.size and np.isfinite(value[0]) and value[0] >= 1
        return int(value[0]) if is_known else default
