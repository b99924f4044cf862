"""Draw the tail of the latency: the part of all velocities that took longer than a time."""

from xml.etree.ElementTree import Element

import numpy as np

from rt_ner.core.arrays import FloatArray
from rt_ner.report.figures.drawing.colours import BLUE
from rt_ner.report.figures.drawing.plot import Axis, Plot

_N_POINTS = 200


def tail(total_ms: FloatArray) -> Element:
    """Draw the part of the velocities, in percent, that took longer than each time."""
    known = np.sort(total_ms[np.isfinite(total_ms) & (total_ms > 0)])
    n = len(known)
    rows = np.unique(n - 1 - np.geomspace(1, n, _N_POINTS).astype(int).clip(1, n) + 1)
    slower = (n - rows) / n
    least, most = np.log10(known[rows[0]]), np.log10(known[-1])
    edges = np.floor(least * 2) / 2, max(np.ceil(most * 2) / 2, np.floor(least * 2) / 2 + 0.5)
    powers = np.arange(np.ceil(edges[0]), edges[1] + 0.1).tolist()
    x_ticks = tuple((power, f"{10**power:g}") for power in powers)
    lowest = np.floor(np.log10(100 / n))
    y_powers = np.arange(lowest, 3).tolist()
    y_ticks = tuple((power, f"{10**power:g}") for power in y_powers)
    x = Axis(float(edges[0]), float(edges[1]), "latency (ms)", x_ticks)
    y = Axis(float(lowest), 2.0, "slower (%)", y_ticks)
    plot = Plot(x, y, "Part of the velocities that took longer", 150)
    plot.line(np.log10(known[rows]), np.log10(100 * slower), BLUE, 2.0)
    return plot.svg()
