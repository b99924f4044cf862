"""Draw a plot in the style that all plots of the view share."""

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont

from rt_ner.view import style


class Panel(pg.PlotWidget):  # type: ignore[misc]
    """A plot with a title, axes with units, and a text across it for missing data."""

    def __init__(self, title: str, x: str, y: str) -> None:
        super().__init__(background=style.PANEL)
        self.setMenuEnabled(False)
        self.setMouseEnabled(x=False, y=False)
        self.hideButtons()
        if title:
            size = f"{style.FONT_PT}pt"
            self.plotItem.setTitle(title, color=style.TEXT, size=size, justify="left")
        font = QFont()
        font.setPointSize(style.FONT_PT - 2)
        for side, label in (("bottom", x), ("left", y)):
            axis = self.getAxis(side)
            axis.setLabel(label, color=style.DIM)
            axis.enableAutoSIPrefix(False)
            axis.setPen(style.FAINT)
            axis.setTextPen(style.DIM)
            axis.setStyle(tickFont=font)
            self.showAxis(side, bool(label))
        self._missing = pg.LabelItem(justify="center", color=style.DIM)
        self._missing.setParentItem(self.getViewBox())
        self._missing.anchor(itemPos=(0.5, 0.5), parentPos=(0.5, 0.5))

    @property
    def missing(self) -> str:
        """Text across the plot; empty if no data are missing."""
        return str(self._missing.text)

    def say_missing(self, what: str) -> None:
        """Show a text across the plot, or remove it."""
        if what != self._missing.text:
            self._missing.setText(what, size=f"{style.FONT_PT}pt", color=style.DIM)

    def zero_lines(self, *angles: int) -> None:
        """Draw faint lines through zero, 0 across and 90 up; a grid would cost 5 ms per frame."""
        for angle in angles:
            line = pg.InfiniteLine(0.0, angle, pen=pg.mkPen(style.FAINT, width=1))
            line.setZValue(-1)
            self.addItem(line)

    def curve(self, colour: str, width: float = 1.5, dashed: bool = False) -> pg.PlotCurveItem:
        """Add a line to the plot and return it."""
        dash = Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine
        curve = pg.PlotCurveItem(pen=pg.mkPen(colour, width=width, style=dash), connect="finite")
        curve.setSegmentedLineMode("on")
        self.addItem(curve)
        return curve
