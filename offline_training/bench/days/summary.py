"""Sum up days of several seeds, each beside day one with the same seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from offline_training.bench.days.measurement import Row
from rt_ner.core.arrays import FloatArray
from rt_ner.core.quantities.interval import Mean, mean_of


@dataclass(frozen=True)
class Summary:
    """Scores of a condition after day one.

    Attributes
    ----------
    of_day_one
        Throughput as a part of that of day one with the same seed: the mean over all days, over the
        seeds.
    least_of_day_one
        The same on the worst day, on the mean of the seeds.
    success_rate
        Mean success rate over all days.
    least_success
        Success rate on the worst day, on the mean of the seeds.
    n_days
        Days that were run; fewer than planned if the condition failed.

    """

    of_day_one: Mean
    least_of_day_one: float
    success_rate: Mean
    least_success: float
    n_days: int


def summary_of(rows: Sequence[Row]) -> dict[str, Summary]:
    """Return the mean scores of each condition; on days that were not run, they are 0."""
    return {
        condition: _summary([row for row in rows if row.condition == condition])
        for condition in dict.fromkeys(row.condition for row in rows)
    }


def _summary(rows: Sequence[Row]) -> Summary:
    seeds = sorted({row.seed for row in rows})
    n_days = max(row.day for row in rows)
    bps, success = (
        _table(rows, seeds, n_days, name) for name in ("throughput_bps", "success_rate")
    )
    parts = bps[:, 1:] / bps[:, :1]
    return Summary(
        of_day_one=mean_of(parts.mean(axis=1)),
        least_of_day_one=float(parts.mean(axis=0).min()),
        success_rate=mean_of(success[:, 1:].mean(axis=1)),
        least_success=float(success[:, 1:].mean(axis=0).min()),
        n_days=min(max(row.day for row in rows if row.seed == seed) for seed in seeds) - 1,
    )


def _table(rows: Sequence[Row], seeds: Sequence[int], n_days: int, name: str) -> FloatArray:
    """Return a score as ``(seed, day)``."""
    table = np.zeros((len(seeds), n_days))
    for row in rows:
        table[seeds.index(row.seed), row.day - 1] = getattr(row, name)
    return table
