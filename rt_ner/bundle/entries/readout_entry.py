"""Define a manifest's entries on the readout: its numbers, and its outputs."""

from pydantic import Field, model_validator

from rt_ner.bundle.entries.strict import Strict
from rt_ner.core.contract.outputs import MOST_OUTPUTS, Output, OutputKind


class ReadoutEntry(Strict):
    """The numbers of a `rt_ner.decoding.readouts.readout.Readout`; a linear one has no memory.

    ``unit``: that of all outputs; empty if they differ.
    """

    matrix: tuple[tuple[float, ...], ...]
    bias: tuple[float, ...] = Field(min_length=1, max_length=MOST_OUTPUTS)
    unit: str
    memory: tuple[tuple[float, ...], ...] | None = None

    @model_validator(mode="after")
    def _is_rectangular(self) -> "ReadoutEntry":
        for rows in (self.matrix, self.memory or ()):
            if any(len(row) != len(self.bias) for row in rows):
                raise ValueError(f"the readout's rows must have {len(self.bias)} numbers each")
        return self


class OutputEntry(Strict):
    """The name, unit and kind of an output."""

    name: str
    unit: str
    kind: OutputKind

    def output(self) -> Output:
        """Return the output itself."""
        return Output(self.name, self.unit, self.kind)


def output_entries(outputs: tuple[Output, ...]) -> tuple[OutputEntry, ...]:
    """Return outputs as the manifest holds them."""
    return tuple(OutputEntry(**output._asdict()) for output in outputs)
