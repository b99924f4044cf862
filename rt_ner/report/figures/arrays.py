"""Draw the electrodes: their mean rates, and their rates over time."""

from xml.etree.ElementTree import Element

import numpy as np

from rt_ner.report.figures.courses import Courses
from rt_ner.report.figures.drawing.colours import BLUE, ORANGE, PURPLE
from rt_ner.report.figures.drawing.pixels import picture
from rt_ner.report.figures.drawing.plot import Axis, Plot, axis_for
from rt_ner.report.reading.electrodes import Electrodes

_LEGEND = ((BLUE, "electrode"), (ORANGE, "hot"), (PURPLE, "silent"))
# So many rows of pixels are enough for a picture.
_MOST_ROWS = 512


def rates(electrodes: Electrodes) -> Element:
    """Draw the mean rate of each electrode."""
    n = len(electrodes.names)
    x = Axis(0, n, "electrode, in the recording's order", _ticks(n))
    y = axis_for(electrodes.rate_hz, "rate (spikes/s)")
    plot = Plot(x, y, "Mean rate of each electrode", 130, _LEGEND)
    for number, name in enumerate(electrodes.names):
        rate = float(electrodes.rate_hz[number])
        colour = ORANGE if electrodes.hot[number] else BLUE
        span = (number + 0.1, number + 0.9)
        if rate == 0:
            plot.bar(span, (0, y.high * 0.04), PURPLE, f"{name}: silent")
        else:
            plot.bar(span, (0, rate), colour, f"{name}: {rate:.1f} spikes/s")
    return plot.svg()


def rates_over_time(electrodes: Electrodes, courses: Courses) -> tuple[Element, float]:
    """Draw the electrodes' rates over time; the second value is the rate of the brightest."""
    n = len(electrodes.names)
    course = electrodes.course_hz
    known = course[np.isfinite(course)]
    brightest = max(float(np.percentile(known, 99)) if known.size else 0.0, 1.0)
    ticks = tuple((n - at, text) for at, text in _ticks(n))
    plot = courses.over_time(Axis(0, n, "electrode", ticks), "Rates over time", 220)
    every = -(-n // _MOST_ROWS)
    plot.image(picture(course[::every], brightest))
    return plot.svg(), brightest


def _ticks(n: int) -> tuple[tuple[float, str], ...]:
    step = next(step for step in (1, 2, 4, 8, 16, 32, 64, 128, 256, 10**9) if n / step <= 14)
    return tuple((number - 0.5, str(number)) for number in range(step, n + 1, step))
