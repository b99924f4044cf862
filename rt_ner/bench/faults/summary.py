"""Sum up the R² that bundles keep under faults, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rt_ner.bundle.entries.corruption_entry import CorruptionTable
from rt_ner.core.arrays import FloatArray
from rt_ner.core.contract.faults.fault import Fault
from rt_ner.core.quantities.interval import mean_interval95


@dataclass(frozen=True)
class Kept:
    """The R² of bundles with a fault, divided by that without one.

    ``interval95`` is that of the mean, by resampling the bundles; None if there is only one.
    """

    fault: Fault
    severity: float
    mean: float
    lowest: float
    interval95: tuple[float, float] | None

    def __str__(self) -> str:
        text = f"{self.mean:.3f}"
        if self.interval95 is None:
            return text
        low, high = self.interval95
        return f"{text} (95 % interval {low:.3f} to {high:.3f}), lowest {self.lowest:.3f}"


def kept_under_faults(tables: Sequence[CorruptionTable]) -> list[Kept]:
    """Return the part of the R² that is kept with each fault that all bundles have measured."""
    parts = [_parts(table) for table in tables]
    common = [key for key in parts[0] if all(key in other for other in parts)]
    return [_kept(*key, np.array([own[key] for own in parts])) for key in common]


def _parts(table: CorruptionTable) -> Mapping[tuple[Fault, float], float]:
    return {(score.fault, score.severity): score.r2 / table.r2 for score in table.faults}


def _kept(fault: Fault, severity: float, parts: FloatArray) -> Kept:
    interval95 = mean_interval95(parts)
    return Kept(fault, severity, float(parts.mean()), float(parts.min()), interval95)
