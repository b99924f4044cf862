"""Define the outputs of a recipe: where they stand, their names, units and kinds."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from rt_ner.core.contract.outputs import Output, OutputKind
from rt_ner.core.errors import SessionError
from rt_ner.core.quantities.units import cm_per_unit, is_speed
from rt_ner.core.settings import Settings


class OutputForm(Settings):
    """The form of some outputs.

    Attributes
    ----------
    names
        Names of the outputs; empty: ``vx``, ``vy`` for two velocities, else those of the file.
    unit, kind
        Unit, such as ``mm/s``, and kind: ``velocity``, ``position``, ``force``, ``angle``,
        ``other``.

    """

    names: tuple[str, ...] = ()
    unit: str = "cm/s"
    kind: OutputKind = OutputKind.VELOCITY

    @property
    def to_cm(self) -> float:
        """Factor from the unit to cm or cm/s, in which lengths and speeds are given."""
        return cm_per_unit(self.unit) or 1.0

    def outputs(self, own_names: Sequence[str], place: str) -> tuple[Output, ...]:
        """Return one output for each name in the file, with lengths in cm and speeds in cm/s.

        Raises SessionError, which names the ``place``, if the recipe has fewer or more names.
        """
        n = len(own_names)
        is_plain = self.kind is OutputKind.VELOCITY and n <= len("xyz")
        names = self.names or (tuple(f"v{axis}" for axis in "xyz"[:n]) if is_plain else own_names)
        if len(names) != n:
            raise SessionError(f"'{place}' gives {n} outputs, but names = {list(names)}")
        is_known = cm_per_unit(self.unit) is not None
        unit = self.unit if not is_known else "cm/s" if is_speed(self.unit) else "cm"
        return tuple(Output(name, unit, self.kind) for name in names)


class OutputsAt(OutputForm):
    """The place of some outputs, and their form.

    Attributes
    ----------
    array
        Path of the array.
    columns
        Columns to take, counted from 1, such as ``[1, 2]``; empty: all.
    axes
        Order of the array's axes.
    derive
        ``velocity``: decode the velocity, by central differences, in place of the position (or
        angle) that the array holds. Empty: the array as it is.

    """

    array: str
    columns: tuple[Annotated[int, Field(ge=1)], ...] = ()
    axes: tuple[Literal["trial", "bin", "column"], ...] = ("bin", "column")
    derive: Literal["", "velocity"] = ""

    @model_validator(mode="after")
    def _derives_from_a_position(self) -> "OutputsAt":
        is_place = self.kind in (OutputKind.POSITION, OutputKind.ANGLE)
        if self.derive and (not is_place or is_speed(self.unit)):
            raise ValueError(
                f'kind = "{self.kind}" in {self.unit}: derive = "velocity" needs kind = "position" '
                '(or "angle") and its unit, e.g. unit = "mm"'
            )
        return self

    @property
    def decoded(self) -> OutputForm:
        """The form of what is decoded: of the velocity, if it is derived."""
        if not self.derive:
            return self
        return OutputForm(
            names=self.names, unit=f"{self.unit}/s" if self.unit else "", kind=OutputKind.VELOCITY
        )


class AnalogAt(OutputForm):
    """Some analog inputs of a Blackrock file, and their form.

    Attributes
    ----------
    channels
        Labels of the channels, such as ``["ainp1", "ainp2"]``.
    scale
        Factor from the file's unit to ``unit``, such as cm per mV; 0: the file's own unit is used
        if it is a length or a speed.

    """

    channels: tuple[str, ...] = Field(min_length=1)
    scale: float = 0.0
