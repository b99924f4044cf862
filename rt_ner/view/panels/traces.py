"""Draw velocity and position of the last seconds: decoded, and true or of the hand."""

import numpy as np
import pyqtgraph as pg

from rt_ner.core.arrays import FloatArray
from rt_ner.core.contract.kinds import Kind
from rt_ner.view import style
from rt_ner.view.panels.panel import Panel
from rt_ner.view.signals.signals import Signals

SPAN_S = 5.0
_MOST_POINTS = 500
_ROWS = (("vx (cm/s)", 0, True), ("vy (cm/s)", 1, True), ("x (cm)", 0, False), ("y (cm)", 1, False))
_DECODED = f'<span style="color:{style.DECODED}">decoded</span>'
# The scale grows in steps, so that it does not flicker.
_RANGES = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0)


class Trace(Panel):
    """One component over time, the newest on the right."""

    def __init__(self, name: str, component: int, is_velocity: bool) -> None:
        last = name.startswith("y")
        self._legend = _DECODED if name == _ROWS[0][0] else ""
        super().__init__(self._legend, "time (s)" if last else "", name)
        self.getAxis("left").setWidth(58)
        self._component = component
        self._is_velocity = is_velocity
        self._half_range = 0.0
        self._true = self.curve(style.TRUE, 1.5)
        self._decoded = self.curve(style.DECODED, 1.5)
        self.zero_lines(0)
        self.setXRange(-SPAN_S, 0.0, padding=0)
        self._grow(_RANGES[0])

    def refresh(self, signals: Signals) -> None:
        """Draw the newest data."""
        true = signals.true_velocity if self._is_velocity else signals.true.trail
        decoded = signals.velocity if self._is_velocity else signals.trail
        kind = signals.output if self._is_velocity or not signals.has_task else Kind.CURSOR
        fresh = signals.is_fresh(kind)
        self._draw(self._true, true.newest(SPAN_S), signals.clock_s)
        self._decoded.setPen(style.DECODED if fresh else style.FAINT, width=1.5)
        self._draw(self._decoded, decoded.newest(SPAN_S), signals.clock_s)
        self.say_missing("not connected" if signals.missing(kind) else "")
        if self._legend and self._legend != (legend := legend_of(signals)):
            self._legend = legend
            self.plotItem.titleLabel.setText(legend, color=style.TEXT)

    def _draw(
        self, curve: pg.PlotCurveItem, rows: tuple[FloatArray, FloatArray], clock_s: float
    ) -> None:
        stride = max(len(rows[0]) // _MOST_POINTS, 1)
        # From the newest backwards, so that no sample flickers as the stream moves on.
        stamps_s, values = rows[0][::-stride], rows[1][::-stride, self._component]
        curve.setData(stamps_s - clock_s, values)
        if len(values) and np.isfinite(values).any():
            self._grow(float(np.nanmax(np.abs(values))))

    def _grow(self, reached: float) -> None:
        if reached > self._half_range:
            fitting = (limit for limit in _RANGES if limit >= reached)
            self._half_range = next(fitting, reached)
            self.setYRange(-self._half_range, self._half_range, padding=0.15)


def legend_of(signals: Signals) -> str:
    """Return what the colours stand for.

    The source's movement is the truth only where it is what is to be decoded. In a closed loop, it
    is what the subject's own hand does meanwhile.
    """
    if signals.missing(Kind.KINEMATICS):
        return _DECODED
    other = "the subject's hand" if signals.has_task else "true"
    return f'{_DECODED} and <span style="color:{style.TRUE}">{other}</span>'


def all_traces() -> list[Trace]:
    """Return the traces of velocity and position, x and y, from the top down."""
    return [Trace(*row) for row in _ROWS]
