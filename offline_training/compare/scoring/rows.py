"""Scores of a comparison: one row per recording, method, readout and seed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

# Method and readout.
Way = tuple[str, str]


class Scored(Protocol):
    """Scores of one method and readout on one recording."""

    @property
    def recording(self) -> str:
        """Names of session and area."""
        ...

    @property
    def way(self) -> Way:
        """Method and readout."""
        ...


@dataclass(frozen=True)
class Row:
    """Scores of one method, readout and seed on one recording's held-out trials.

    ``decodes`` is the kind of the outputs, such as velocity. ``swapped_r2`` is R² with decoded and
    true outputs swapped, as in the NER paper.
    """

    session: str
    area: str
    method: str
    readout: str
    dims: int
    causal: bool
    seed: int
    r2: float
    path_r2: float | None
    direction_acc: float | None
    shuffled_r2: float | None
    fit_s: float
    train_r2: float
    train_path_r2: float | None
    swapped_r2: float
    decodes: str = "velocity"

    @property
    def recording(self) -> str:
        """Names of session and area."""
        return f"{self.session} {self.area}"

    @property
    def way(self) -> Way:
        """Method and readout."""
        return self.method, self.readout


def mean_over_seeds(rows: Iterable[Scored], score: str) -> dict[Way, dict[str, float]]:
    """Average a score over seeds, per method and readout, and recording; None is left out."""
    values: dict[Way, dict[str, list[float]]] = {}
    for row in rows:
        of_way = values.setdefault(row.way, {})
        if (value := getattr(row, score)) is not None:
            of_way.setdefault(row.recording, []).append(value)
    return {
        way: {recording: float(np.mean(of_seeds)) for recording, of_seeds in of_way.items()}
        for way, of_way in values.items()
    }
