"""Draw the tuning curve of each electrode in its place."""

from pathlib import Path

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.contract.kinds import Kind
from rt_ner.data.array_map import places_of
from rt_ner.view import style
from rt_ner.view.panels.panel import Panel
from rt_ner.view.signals.signals import Signals
from rt_ner.view.signals.tuning import FEWEST_REACHES, N_DIRECTIONS, TuningFit

# Part of a cell that the curve fills.
_FILLED = 0.8
_HINT = "point at an electrode"


class TuningPanel(Panel):
    """One cell per electrode: mean rate over direction, 0° to 360°, from zero to its own highest.

    Significant ones have the colour of their preferred direction, and a line at it; the others
    are grey.
    """

    def __init__(self, map_file: Path | None) -> None:
        super().__init__("Tuning", "", "")
        self._map_file = map_file
        self._labels: tuple[str, ...] = ()
        self._places = places_of(None, ())
        self._fit: TuningFit | None = None
        colours = (*style.DIRECTIONS, style.DIM)
        self._curves = [self.curve(colour, 2.0) for colour in colours]
        self._preferred = self.curve(style.TEXT, 1.0)
        self._said = pg.LabelItem(justify="left", color=style.DIM)
        self._said.setParentItem(self.getViewBox())
        self._said.anchor(itemPos=(0.0, 1.0), parentPos=(0.0, 1.0), offset=(8, -4))
        self.scene().sigMouseMoved.connect(self._point_at)
        self._say(_HINT)

    def refresh(self, signals: Signals) -> None:
        """Fit and draw; the fit takes some milliseconds, so do this a few times per second."""
        labels, tuning = signals.channels.labels, signals.channels.tuning
        if labels != self._labels:
            self._lay_out(labels)
        self._fit = fit = tuning.fit()
        few = f"{len(tuning)} reaches so far: {FEWEST_REACHES} or more in all directions are needed"
        self.say_missing(signals.missing(Kind.COUNTS) or ("" if fit else few))
        if fit is None:
            return
        n_tuned, n = int(fit.is_tuned.sum()), len(labels)
        self.plotItem.titleLabel.setText(
            f"Tuning: {n_tuned} of {n} electrodes, {fit.n_reaches} reaches "
            f"(cosine, p &lt; 0.05 / {n})",
            color=style.TEXT,
        )
        self._draw(fit)

    def _draw(self, fit: TuningFit) -> None:
        index = np.full(len(fit.p), len(style.DIRECTIONS))
        tuned = np.flatnonzero(fit.is_tuned)
        index[tuned] = [style.direction_index(angle) for angle in fit.preferred_deg[tuned]]
        highest_hz = np.nanmax(fit.binned_hz, axis=0)
        curves = fit.binned_hz / np.where(highest_hz > 0, highest_hz, 1.0)
        # The circle is closed; a direction in which no reach went is bridged.
        curves = np.concatenate([curves, curves[:1]])
        known = np.isfinite(curves[:, 0])
        along = np.flatnonzero(known) / N_DIRECTIONS
        for number, curve in enumerate(self._curves):
            chosen = np.flatnonzero(index == number)
            curve.setData(*self._in_cells(chosen, along, curves[known][:, chosen].T))
        ends = np.tile([0.0, 1.0], (tuned.size, 1))
        places = np.repeat(fit.preferred_deg[tuned][:, None] / 360.0, 2, axis=1)
        self._preferred.setData(*self._in_cells(tuned, places, ends))

    def _in_cells(
        self, chosen: Int64Array, along: FloatArray, height: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return curves ``(electrode, point)`` of the unit square, each in its electrode's cell."""
        left = (1 - _FILLED) / 2
        rows, columns = (self._places[chosen].T[..., None]).astype(np.float64)
        x = columns + left + _FILLED * np.broadcast_to(along, height.shape)
        y = rows + 1 - left - _FILLED * height
        return _joined(x), _joined(y)

    def _lay_out(self, labels: tuple[str, ...]) -> None:
        self._labels, self._places = labels, places_of(self._map_file, labels)
        self.invertY(True)
        if labels:
            rows, columns = self._places.max(axis=0) + 1
            self.setRange(QRectF(0, 0, float(columns), float(rows) + 0.5), padding=0.01)

    def _point_at(self, scene: QPointF) -> None:
        """Tell of the electrode under the pointer."""
        place = self.getViewBox().mapSceneToView(scene)
        cell = np.floor([place.y(), place.x()])
        found = np.flatnonzero((self._places == cell).all(axis=1))
        self._say(self.tells(int(found[0])) if found.size else _HINT)

    def tells(self, electrode: int) -> str:
        """Return the tuning of an electrode in words."""
        name, fit = self._labels[electrode], self._fit
        if fit is None:
            return f"{name}: not fitted yet"
        mean = f"{name}: mean {fit.mean_hz[electrode]:.0f} spikes/s"
        if not fit.is_tuned[electrode]:
            return f"{mean}, no significant tuning (p = {fit.p[electrode]:.2g})"
        return (
            f"{mean}, prefers {fit.preferred_deg[electrode]:.0f}°, "
            f"depth {fit.depth_hz[electrode]:.1f} spikes/s (p = {fit.p[electrode]:.1g})"
        )

    def _say(self, text: str) -> None:
        self._said.setText(text, size=f"{style.FONT_PT - 1}pt", color=style.DIM)


def _joined(curves: FloatArray) -> FloatArray:
    """Return curves ``(electrode, point)`` one after the other, kept apart by NaN."""
    apart: FloatArray = np.pad(curves, ((0, 0), (0, 1)), constant_values=np.nan)
    return apart.ravel()
