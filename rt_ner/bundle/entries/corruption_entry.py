"""Define a manifest's entry on faults of the input: the R² that the decoder keeps under each."""

from pydantic import Field, PositiveInt

from rt_ner.bundle.entries.strict import Strict
from rt_ner.core.contract.faults.fault import Fault


class FaultScore(Strict):
    """The held-out R² with a fault of some severity; see `CorruptionTable`."""

    fault: Fault
    severity: float
    r2: float


class CorruptionTable(Strict):
    """Held-out R² under faults of the input, measured at training.

    Attributes
    ----------
    r2 : float
        Score of the same hops without any fault.
    n_hops : int
        Number of held-out hops that were decoded with each fault.
    faults : tuple of FaultScore
        Scores with faults.

    """

    r2: float
    n_hops: PositiveInt
    faults: tuple[FaultScore, ...] = Field(min_length=1)

    def r2_with(self, fault: Fault, severity: float) -> float | None:
        """Return the R² with a fault of the nearest severity; None if it was not measured."""
        scores = self._of(fault)
        if not scores:
            return None
        return min(scores, key=lambda score: abs(score.severity - severity)).r2

    def _of(self, fault: Fault) -> list[FaultScore]:
        return [score for score in self.faults if score.fault is fault]


def fault_rows(table: CorruptionTable | None) -> dict[str, str]:
    """Return the rows of a table for people: by fault, the R² of each severity."""
    if table is None:
        return {"R² under faults": "not measured"}
    rows = {"R² without a fault": f"{table.r2:.2f} on {table.n_hops} held-out hops"}
    for score in table.faults:
        text = f"{score.fault.in_words(score.severity)}: {score.r2:.2f}"
        name = f"R² with {score.fault}"
        rows[name] = f"{rows[name]}, {text}" if name in rows else text
    return rows
