"""Outputs other than a velocity."""

from rt_ner.core.contract.outputs import Output, OutputKind


def position_xy(name: str = "") -> tuple[Output, ...]:
    """x and y of a position in cm; with a name, such as ``"hand"``, ``hand_x`` and so on."""
    prefix = f"{name}_" if name else ""
    return tuple(Output(f"{prefix}{axis}", "cm", OutputKind.POSITION) for axis in "xy")
