"""Draw an animal's sessions one after the other."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

import numpy as np

from rt_ner.report.figures.drawing.colours import BLUE, GREEN, ORANGE, YELLOW
from rt_ner.report.figures.drawing.plot import Axis, Plot, axis_for

_MOST_TICKS = 30


def history(
    values: Sequence[float], label: str, colour: str, changed: Sequence[int], most: float | None
) -> Element:
    """Draw one number per session.

    Parameters
    ----------
    values
        The numbers, NaN where they are not known.
    label
        Their meaning and unit.
    colour
        The colour.
    changed
        Sessions, from 0, that ran with another bundle than the one before.
    most
        Upper end of the axis; None: by the values.

    Returns
    -------
    Element
        The figure.

    """
    n = len(values)
    step = -(-n // _MOST_TICKS)
    ticks = tuple((float(number), str(number)) for number in range(1, n + 1, step))
    y = Axis(0.0, most, label) if most else axis_for(values, label)
    plot = Plot(Axis(0.5, n + 0.5, "session", ticks), y, f"{label} of each session", 110)
    at = np.arange(1, n + 1)
    plot.line(at, np.array(values), colour)
    plot.points(at, np.array(values), colour, 3.5)
    for number in changed:
        plot.mark(number + 0.5, "another bundle from here on")
    return plot.svg()


COLOURS = (GREEN, BLUE, ORANGE, YELLOW)
