"""Sum up blocks of several seeds, each beside day one with the same seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from offline_training.bench.another_day.measurement import Row
from rt_ner.core.quantities.interval import mean_interval95


@dataclass(frozen=True)
class Summary:
    """Mean scores of a condition, with 95 % intervals of the mean; None for a single seed.

    ``of_day_one`` is the throughput as a part of that of day one with the same seed.
    """

    throughput_bps: float
    interval95_bps: tuple[float, float] | None
    of_day_one: float
    interval95_of_day_one: tuple[float, float] | None
    success_rate: float
    least_success: float


def summary_of(rows: Sequence[Row]) -> dict[str, Summary]:
    """Return the mean scores of each condition, in order; without a success, throughput is 0."""
    day_one = {row.seed: row.throughput_bps for row in rows if row.condition == "day one"}
    found = {}
    for condition in dict.fromkeys(row.condition for row in rows):
        own = [row for row in rows if row.condition == condition]
        bps = np.nan_to_num([row.throughput_bps for row in own])
        parts = bps / np.array([day_one[row.seed] for row in own])
        success = np.array([row.success_rate for row in own])
        found[condition] = Summary(
            throughput_bps=float(bps.mean()),
            interval95_bps=mean_interval95(bps),
            of_day_one=float(parts.mean()),
            interval95_of_day_one=mean_interval95(parts),
            success_rate=float(success.mean()),
            least_success=float(success.min()),
        )
    return found
