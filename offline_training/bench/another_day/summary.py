"""Sum up blocks of several seeds, each beside day one with the same seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from offline_training.bench.another_day.measurement import Row
from rt_ner.core.quantities.interval import Mean, mean_of


@dataclass(frozen=True)
class Summary:
    """Mean scores of a condition.

    ``of_day_one`` is the throughput as a part of that of day one with the same seed.
    """

    throughput_bps: Mean
    of_day_one: Mean
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
            throughput_bps=mean_of(bps),
            of_day_one=mean_of(parts),
            success_rate=float(success.mean()),
            least_success=float(success.min()),
        )
    return found
