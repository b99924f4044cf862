"""Draw the latents of the last second over the cloud of the training set.

They are projected in Python, not by a graphics card, so that they look the same on every computer.
This takes less than a millisecond per frame.
"""

from typing import NamedTuple

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF

from rt_ner.core.arrays import FloatArray
from rt_ner.core.contract.kinds import Kind
from rt_ner.view import style
from rt_ner.view.camera import Camera
from rt_ner.view.panels.panel import Panel
from rt_ner.view.signals.signals import Signals

_TAIL_S = 1.0
_CLOUD_POINTS = 1000
_MARGIN = 1.15
_AXES_AT, _AXES_LENGTH = (-0.9, -0.9), 0.2
_WHEEL_AT, _WHEEL_RADIUS = (1.0, -0.95), 0.13


class Cloud(NamedTuple):
    """Latents ``(row, dims)`` of the training set, with reach directions ``(row,)`` in °."""

    latents: FloatArray
    direction_deg: FloatArray


class LatentPanel(Panel):
    """Latents that slowly turn; colours are reach directions."""

    def __init__(self, cloud: Cloud | None) -> None:
        super().__init__("Latents", "", "")
        self._camera = Camera()
        self._cloud: list[tuple[FloatArray, pg.ScatterPlotItem]] = []
        if cloud is not None:
            self._camera.frame(cloud.latents)
            self._add_cloud(cloud)
        self._is_framed = cloud is not None
        self._axes = [self.curve(style.DIM, 1.0) for _ in range(3)]
        self._names = [pg.TextItem(f"z{k}", color=style.DIM, anchor=(0.5, 0.5)) for k in (1, 2, 3)]
        for name in self._names:
            self.addItem(name)
        self._add_wheel()
        self._tail = self.curve(style.TEXT, 2.5)
        self._head = pg.ScatterPlotItem(size=12, pen=None)
        self.addItem(self._head)
        self.setAspectLocked(True)
        self.setRange(QRectF(-_MARGIN, -_MARGIN, 2 * _MARGIN, 2 * _MARGIN), padding=0)

    def _add_cloud(self, cloud: Cloud) -> None:
        nearest = np.array([style.direction_index(angle) for angle in cloud.direction_deg])
        for index, colour in enumerate(style.DIRECTIONS):
            points = cloud.latents[nearest == index][:: len(cloud.latents) // _CLOUD_POINTS + 1]
            if len(points):
                brush = pg.mkColor(colour)
                brush.setAlpha(110)
                item = pg.ScatterPlotItem(size=4, pen=None, brush=brush, antialias=False)
                self.addItem(item)
                self._cloud.append((points, item))

    def _add_wheel(self) -> None:
        """Add the legend: a dot in each reach direction, in its colour."""
        angle = np.arange(len(style.DIRECTIONS)) * (2 * np.pi / len(style.DIRECTIONS))
        places = np.column_stack([np.cos(angle), np.sin(angle)]) * _WHEEL_RADIUS + _WHEEL_AT
        brushes = [pg.mkBrush(colour) for colour in style.DIRECTIONS]
        self.addItem(pg.ScatterPlotItem(pos=places, size=8, pen=None, brush=brushes))

    def refresh(self, signals: Signals, frame_s: float) -> None:
        """Draw the newest data; the last frame was ``frame_s`` ago."""
        self._camera.turn(frame_s)
        _, tail = signals.latents.newest(_TAIL_S)
        if not self._is_framed and len(signals.latents) > 1:
            self._camera.frame(signals.latents.newest()[1])
        for points, item in self._cloud:
            item.setData(pos=self._camera.project(points))
        self._draw_axes()
        fresh = signals.is_fresh(Kind.LATENT)
        self._tail.setVisible(len(tail) > 1)
        self._head.setVisible(len(tail) > 1)
        if len(tail) > 1:
            places = self._camera.project(tail)
            colour = style.direction_colour(signals.direction_deg) if fresh else style.FAINT
            self._tail.setPen(colour, width=2.5)
            self._tail.setData(places[:, 0], places[:, 1])
            self._head.setData(pos=places[-1:], brush=pg.mkBrush(colour))
        self.say_missing(signals.missing(Kind.LATENT))

    def _draw_axes(self) -> None:
        origin = np.array(_AXES_AT)
        for end, axis, name in zip(self._camera.axes(), self._axes, self._names, strict=True):
            tip = origin + _AXES_LENGTH * end
            axis.setData(*np.stack([origin, tip]).T)
            name.setPos(*(origin + 1.3 * _AXES_LENGTH * end))
