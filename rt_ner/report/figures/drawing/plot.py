"""Draw data in a pair of axes with ticks, labels and units, as SVG."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

import numpy as np

from rt_ner.core.arrays import AnyArray
from rt_ner.report.figures.drawing.colours import FAINT, GREY, INK
from rt_ner.report.markup import element

WIDTH = 720
_LEFT, _RIGHT, _TOP, _BOTTOM = 86, 14, 12, 44
# What is left and right of the axes, in pixels.
BESIDE = _LEFT + _RIGHT
_LEGEND_HEIGHT, _LETTER_WIDTH = 20, 7.0
_N_TICKS = 6
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Axis:
    """A range of values, with its name and unit; ``ticks`` are values with their texts."""

    low: float
    high: float
    label: str
    ticks: tuple[tuple[float, str], ...] | None = None

    def marks(self) -> tuple[tuple[float, str], ...]:
        """Return values on the axis with their texts, round numbers unless they were given."""
        if self.ticks is not None:
            return self.ticks
        span = self.high - self.low
        power = 10.0 ** np.floor(np.log10(span / _N_TICKS))
        step = next(power * factor for factor in _STEPS if power * factor * _N_TICKS >= span)
        values = np.arange(np.ceil(self.low / step), np.floor(self.high / step) + 1) * step
        return tuple((value, f"{value:.10g}".replace("-", "−")) for value in values.tolist())


def axis_for(values: AnyArray | Sequence[float], label: str, low: float | None = 0.0) -> Axis:
    """Return an axis on which all finite values lie; ``low`` None: it begins near the lowest."""
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    least = float(known.min(initial=np.inf)) if low is None and known.size else (low or 0.0)
    most = float(known.max()) if known.size else 1.0
    span = most - least
    return Axis(least, most + 0.05 * span if span > 0 else least + 1.0, label)


class Plot:
    """A figure with one pair of axes.

    Parameters
    ----------
    x, y
        The axes.
    title
        The figure's content in words, for those who can't see it.
    height
        Height of the axes in pixels.
    legend
        Colours with their meaning.
    width
        Width of the figure in pixels.

    """

    def __init__(
        self,
        x: Axis,
        y: Axis,
        title: str,
        height: float = 120,
        legend: Sequence[tuple[str, str]] = (),
        width: float = WIDTH,
    ) -> None:
        self._x, self._y, self._title = x, y, title
        self._width, self._height = width, height
        self._top = _TOP + (_LEGEND_HEIGHT if legend else 0)
        self._legend = legend
        self._content: list[Element] = []
        self._over: list[Element] = []

    def x(self, value: float) -> float:
        """Return the place of a value of x, in pixels."""
        part = (value - self._x.low) / (self._x.high - self._x.low)
        return round(_LEFT + part * (self._width - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        """Return the place of a value of y, in pixels."""
        part = (value - self._y.low) / (self._y.high - self._y.low)
        return round(self._top + (1 - part) * self._height, 1)

    def line(self, x: AnyArray, y: AnyArray, colour: str, thick: float = 1.4) -> None:
        """Draw a line, broken where a value is not finite."""
        points: list[str] = []
        is_drawn = False
        for one_x, one_y in zip(np.asarray(x).tolist(), np.asarray(y).tolist(), strict=True):
            if not (np.isfinite(one_x) and np.isfinite(one_y)):
                is_drawn = False
                continue
            points.append(f"{'L' if is_drawn else 'M'}{self.x(one_x):g} {self.y(one_y):g}")
            is_drawn = True
        if points:
            drawn = element("path", d="".join(points), stroke=colour, stroke_width=thick)
            drawn.set("fill", "none")
            self._content.append(drawn)

    def points(self, x: AnyArray, y: AnyArray, colour: str, radius: float = 3.0) -> None:
        """Draw a dot for each pair of finite values."""
        for one_x, one_y in zip(np.asarray(x).tolist(), np.asarray(y).tolist(), strict=True):
            if np.isfinite(one_x) and np.isfinite(one_y):
                dot = element("circle", cx=self.x(one_x), cy=self.y(one_y), r=radius, fill=colour)
                self._content.append(dot)

    def bar(self, x: tuple[float, float], y: tuple[float, float], colour: str, says: str) -> None:
        """Draw a rectangle between two values of x and of y, with its meaning in words."""
        left, right = self.x(x[0]), self.x(x[1])
        top, bottom = self.y(y[1]), self.y(y[0])
        self._content.append(
            element(
                "rect", element("title", says), x=left, y=top, fill=colour,
                width=max(round(right - left, 1), 0.8), height=max(round(bottom - top, 1), 0),
            )
        )  # fmt: skip

    def disc(self, x: float, y: float, radius: float, colour: str) -> None:
        """Draw a circle, its radius in values of x."""
        drawn = element("circle", cx=self.x(x), cy=self.y(y), stroke=colour, stroke_width=1.2)
        drawn.set("r", f"{self.x(self._x.low + radius) - _LEFT:g}")
        drawn.set("fill", "none")
        self._content.append(drawn)

    def image(self, address: str) -> None:
        """Fill the axes with a picture."""
        self._content.append(
            element(
                "image", href=address, x=_LEFT, y=self._top, width=self._width - _LEFT - _RIGHT,
                height=self._height, preserveAspectRatio="none", image_rendering="pixelated",
            )
        )  # fmt: skip

    def mark(self, x: float, text: str) -> None:
        """Draw an upright dashed line, with its meaning."""
        at = self.x(x)
        self._over.append(
            element(
                "line", element("title", text), x1=at, x2=at, y1=self._top - 4,
                y2=self._top + self._height, stroke=INK, stroke_width=1.2, stroke_dasharray="4 3",
            )
        )  # fmt: skip

    def svg(self) -> Element:
        """Return the figure."""
        total = self._top + self._height + _BOTTOM
        return element(
            "svg", element("title", self._title), *self._grid(), *self._content, *self._over,
            *self._labels(), *self._shown_legend(), xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {self._width:g} {total:g}", role="img", class_="figure",
        )  # fmt: skip

    def _grid(self) -> Iterator[Element]:
        for value, text in self._y.marks():
            at = self.y(value)
            yield _line((_LEFT, at), (self._width - _RIGHT, at), FAINT)
            yield _text(text, _LEFT - 6, at + 4, "end")
        for value, text in self._x.marks():
            at, bottom = self.x(value), self._top + self._height
            yield _line((at, bottom), (at, bottom + 4), GREY)
            yield _text(text, at, bottom + 17, "middle")

    def _labels(self) -> Iterator[Element]:
        bottom = self._top + self._height
        yield _line((_LEFT, bottom), (self._width - _RIGHT, bottom), GREY)
        yield _text(self._x.label, (self._width + _LEFT - _RIGHT) / 2, bottom + 36, "middle")
        middle = self._top + self._height / 2
        label = _text(self._y.label, 0, 0, "middle")
        label.set("transform", f"translate(14 {middle:g}) rotate(-90)")
        yield label

    def _shown_legend(self) -> Iterator[Element]:
        at = float(_LEFT)
        for colour, text in self._legend:
            yield element("rect", x=at, y=6, width=10, height=10, fill=colour)
            yield _text(text, at + 15, 15, "start")
            at += 15 + _LETTER_WIDTH * len(text) + 16


def _line(start: tuple[float, float], end: tuple[float, float], colour: str) -> Element:
    return element("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], stroke=colour)


def _text(text: str, x: float, y: float, anchor: str) -> Element:
    return element("text", text, x=float(x), y=float(y), text_anchor=anchor)
