"""Sum up the R² that bundles keep under faults, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rt_ner.bundle.entries.corruption_entry import CorruptionTable
from rt_ner.core.contract.faults.fault import Fault
from rt_ner.core.quantities.interval import Mean, mean_of


@dataclass(frozen=True)
class Kept(Mean):
    """The R² of bundles with a fault, divided by that without one."""

    fault: Fault
    severity: float
    lowest: float

    def __str__(self) -> str:
        lowest = "" if self.interval95 is None else f", lowest {self.lowest:.3f}"
        return f"{self:.3f}{lowest}"


def kept_under_faults(tables: Sequence[CorruptionTable]) -> list[Kept]:
    """Return the part of the R² that is kept with each fault that all bundles have measured."""
    parts = [_parts(table) for table in tables]
    common = [key for key in parts[0] if all(key in other for other in parts)]
    return [_kept(*key, [own[key] for own in parts]) for key in common]


def _parts(table: CorruptionTable) -> Mapping[tuple[Fault, float], float]:
    return {(score.fault, score.severity): score.r2 / table.r2 for score in table.faults}


def _kept(fault: Fault, severity: float, parts: Sequence[float]) -> Kept:
    return Kept(**vars(mean_of(parts)), fault=fault, severity=severity, lowest=min(parts))
