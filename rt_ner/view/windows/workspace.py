"""Draw the cursor with its trail, the target, and without a task the true cursor."""

from typing import TypeVar

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QGraphicsEllipseItem, QGraphicsRectItem

from rt_ner.core.arrays import FloatArray
from rt_ner.core.contract.kinds import Kind
from rt_ner.view import style
from rt_ner.view.panels.panel import Panel
from rt_ner.view.signals.signals import Signals

_RADII_CM = (10.0, 15.0, 20.0, 30.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
_TRAIL_S = 2.0
_CURSOR_CM = 0.5
_SMOOTHING_S = (0.0, 0.05, 0.1, 0.2)
_Shape = TypeVar("_Shape", QGraphicsEllipseItem, QGraphicsRectItem)


class Workspace(Panel):
    """The task's workspace, with equal scales in x and y.

    With ``for_subject``, it shows cursor, trail, target and cue, and nothing else.
    """

    def __init__(self, for_subject: bool) -> None:
        super().__init__("" if for_subject else "Cursor", "x (cm)", "y (cm)")
        self._for_subject = for_subject
        self._radius_cm = _RADII_CM[0]
        self._smoothing = 0
        self._shown_cm = np.zeros(2)
        self._grid = self.curve(style.FAINT, 1.0)
        self._drawn: tuple[int, float] | None = None
        self._cell = self._shape(QGraphicsRectItem(), style.TARGET)
        self._target = self._disc(style.TARGET)
        self._true_trail = self.curve(style.TRUE, 1.5, dashed=True)
        self._trail = self.curve(style.DECODED, 2.0)
        self._cue = self.curve(style.DIM, 6.0)
        self._true = self._disc(style.TRUE, filled=False)
        self._cursor = self._disc(style.DECODED)
        self._says = pg.LabelItem(justify="left", color=style.TEXT)
        self._says.setParentItem(self.getViewBox())
        self._says.anchor(itemPos=(0.0, 0.0), parentPos=(0.0, 0.0), offset=(8, 4))
        self.setAspectLocked(True)
        if for_subject:
            self.setBackground("black")
            for side in ("bottom", "left"):
                self.hideAxis(side)
        else:
            self.zero_lines(0, 90)
        self._set_range()

    @property
    def smoothing_s(self) -> float:
        """Time constant of the drawn cursor in s; the data are not smoothed."""
        return _SMOOTHING_S[self._smoothing]

    def smooth(self) -> None:
        """Smooth the display more; after the strongest smoothing, not at all."""
        self._smoothing = (self._smoothing + 1) % len(_SMOOTHING_S)

    def refresh(self, signals: Signals, frame_s: float) -> None:
        """Draw the newest data; the last frame was ``frame_s`` ago."""
        kind = Kind.CURSOR if signals.has_task else signals.output
        fresh = signals.is_fresh(kind)
        _, trail = signals.trail.newest(_TRAIL_S)
        if len(trail):
            self._follow(trail[-1], frame_s)
        self._place(self._cursor, self._shown_cm, _CURSOR_CM, bool(len(trail)))
        self._colour(self._cursor, style.DECODED if fresh else style.FAINT)
        self._trail.setPen(style.DECODED if fresh else style.FAINT, width=2)
        self._trail.setData(trail[:, 0], trail[:, 1])
        self._draw_true(signals)
        self._draw_target(signals)
        self._say(signals)
        self.say_missing("" if self._for_subject else signals.missing(kind))
        self._make_room(trail)

    def _follow(self, position_cm: FloatArray, frame_s: float) -> None:
        share = 1.0 - np.exp(-frame_s / self.smoothing_s) if self.smoothing_s else 1.0
        if np.isfinite(position_cm).all():
            self._shown_cm = self._shown_cm + share * (position_cm - self._shown_cm)

    def _draw_true(self, signals: Signals) -> None:
        shown = not (self._for_subject or signals.has_task) and signals.is_fresh(Kind.KINEMATICS)
        _, trail = signals.true.trail.newest(_TRAIL_S)
        self._place(self._true, signals.true.position_cm, _CURSOR_CM, shown)
        self._true_trail.setVisible(shown)
        if shown:
            self._true_trail.setData(trail[:, 0], trail[:, 1])

    def _draw_target(self, signals: Signals) -> None:
        target, is_cell = signals.target, signals.grid is not None
        self._draw_grid(signals.grid)
        for shape in (self._target, self._cell):
            shape.setVisible(target is not None and is_cell == (shape is self._cell))
            if target is not None:
                self._place(shape, np.array(target[:2]), target[2], shape.isVisible())
        direction_deg = signals.direction_deg
        cued = np.isfinite(direction_deg) and not signals.has_task
        self._cue.setVisible(bool(cued))
        if cued:
            arc = np.deg2rad(direction_deg + np.linspace(-12, 12, 13))
            self._cue.setPen(style.direction_colour(direction_deg), width=6)
            radius_cm = 0.95 * self._radius_cm
            self._cue.setData(radius_cm * np.cos(arc), radius_cm * np.sin(arc))

    def _draw_grid(self, grid: tuple[int, float] | None) -> None:
        """Draw the lines between the cells of a grid, once."""
        if grid == self._drawn:
            return
        self._drawn = grid
        if grid is None:
            self._grid.setData([], [])
            return
        side, size_cm = grid
        line = np.linspace(-size_cm / 2, size_cm / 2, side + 1)
        ends = np.tile([-size_cm / 2, size_cm / 2, np.nan], side + 1)
        across = np.repeat(line, 3)
        self._grid.setData(np.concatenate([across, ends]), np.concatenate([ends, across]))

    def _say(self, signals: Signals) -> None:
        if self._for_subject:
            self._write(signals.task_state)
            return
        decoded = f'<span style="color:{style.DECODED}">● decoded</span>'
        about = [] if signals.has_task else [f"{decoded} velocity, integrated here"]
        if self._true.isVisible():
            about.append(f'<span style="color:{style.TRUE}">○ true</span>')
        if self.smoothing_s:
            about.append(f"display smoothed over {self.smoothing_s * 1e3:.0f} ms")
        self._write(" · ".join([signals.task_state] * signals.has_task + about))

    def _write(self, text: str) -> None:
        if text != self._says.text:
            size = 24 if self._for_subject else style.FONT_PT - 1
            self._says.setText(text, size=f"{size}pt", color=style.DIM)

    def _make_room(self, trail: FloatArray) -> None:
        """Enlarge the range if the cursor has left it; it never shrinks by itself."""
        if not len(trail) or not np.isfinite(trail).any():
            return
        farthest_cm = float(np.nanmax(np.abs(trail)))
        if farthest_cm > self._radius_cm:
            self._radius_cm = next((r for r in _RADII_CM if r >= farthest_cm), _RADII_CM[-1])
            self._set_range()

    def reset_range(self) -> None:
        """Return to the smallest range."""
        self._radius_cm = _RADII_CM[0]
        self._set_range()

    def _set_range(self) -> None:
        half = self._radius_cm
        self.setRange(QRectF(-half, -half, 2 * half, 2 * half), padding=0.02)

    def _disc(self, colour: str, filled: bool = True) -> QGraphicsEllipseItem:
        return self._shape(QGraphicsEllipseItem(), colour, filled)

    def _shape(self, shape: _Shape, colour: str, filled: bool = True) -> _Shape:
        shape.setPen(pg.mkPen(colour, width=2))
        shape.setBrush(pg.mkBrush(colour if filled else None))
        shape.setVisible(False)
        self.addItem(shape)
        return shape

    @staticmethod
    def _place(
        disc: QGraphicsEllipseItem | QGraphicsRectItem,
        centre_cm: FloatArray,
        radius_cm: float,
        shown: bool,
    ) -> None:
        x, y = (float(value) for value in centre_cm)
        disc.setRect(x - radius_cm, y - radius_cm, 2 * radius_cm, 2 * radius_cm)
        disc.setVisible(shown)

    @staticmethod
    def _colour(disc: QGraphicsEllipseItem, colour: str) -> None:
        disc.setPen(pg.mkPen(colour, width=2))
        disc.setBrush(pg.mkBrush(colour))
