"""Define an output: one number that a decoder gives, with its name, unit and kind."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from rt_ner.core.contract.kinds import Kind

MOST_OUTPUTS = 16


class OutputKind(StrEnum):
    """The physical quantity of an output.

    Only rates (velocities) are zero at rest.
    """

    VELOCITY = "velocity"
    POSITION = "position"
    FORCE = "force"
    ANGLE = "angle"
    OTHER = "other"


class Output(NamedTuple):
    """An output's name, such as ``"vx"``, its unit, such as ``"cm/s"``, and its kind."""

    name: str
    unit: str
    kind: OutputKind

    @property
    def is_rate(self) -> bool:
        """True for a velocity, which is zero at rest."""
        return self.kind is OutputKind.VELOCITY


VELOCITY_XY = (
    Output("vx", "cm/s", OutputKind.VELOCITY),
    Output("vy", "cm/s", OutputKind.VELOCITY),
)


def outputs_in_words(outputs: Sequence[Output]) -> str:
    """Return name, kind and unit of outputs, e.g. "vx (velocity in cm/s)"."""
    return ", ".join(f"{one.name} ({one.kind} in {one.unit or 'no unit'})" for one in outputs)


def names_of(outputs: Sequence[Output]) -> tuple[str, ...]:
    """Return the outputs' names."""
    return tuple(output.name for output in outputs)


def stream_of(outputs: Sequence[Output]) -> Kind:
    """Return the kind of stream that carries the outputs."""
    return Kind.VELOCITY if tuple(outputs) == VELOCITY_XY else Kind.OUTPUT


def kind_of(outputs: Sequence[Output]) -> str:
    """Return the kind that all outputs share, or ``"output"`` if they differ."""
    kinds = {output.kind for output in outputs}
    return str(outputs[0].kind) if len(kinds) == 1 else "output"


def held_at_rest(outputs: Sequence[Output], holds: bool) -> tuple[bool, ...]:
    """Return, for each output, True if it keeps its last value at rest, False if it is zero.

    Velocities are zero. ``holds``: True if the others keep their value.
    """
    return tuple(holds and not output.is_rate for output in outputs)


def outputs_problem(outputs: Sequence[Output]) -> str:
    """Return what is wrong with a list of outputs, with the remedy; empty if nothing is."""
    names = names_of(outputs)
    if not 1 <= len(names) <= MOST_OUTPUTS:
        return f"{len(names)} outputs: expected 1 to {MOST_OUTPUTS}; add or leave out some"
    if not all(names) or len(set(names)) < len(names):
        return f"outputs named {', '.join(map(repr, names))}: give each a name of its own"
    return ""
