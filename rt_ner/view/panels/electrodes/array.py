"""Draw the firing rate of each electrode in its place, and mark silent and hot ones."""

from pathlib import Path

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF

from rt_ner.core.arrays import BoolArray, FloatArray
from rt_ner.core.contract.kinds import Kind
from rt_ner.data.array_map import places_of
from rt_ner.view import style
from rt_ner.view.panels.panel import Panel
from rt_ner.view.signals.channels import Channels
from rt_ner.view.signals.signals import Signals

_STEPS_HZ = (20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)


class ArrayPanel(Panel):
    """One cell per electrode: bright fires much, × is silent, ▲ fires too much."""

    def __init__(self, map_file: Path | None) -> None:
        super().__init__("Array", "", "")
        self._map_file = map_file
        self._labels: tuple[str, ...] | None = None
        self._places = places_of(None, ())
        self._top_hz = _STEPS_HZ[0]
        self._image = pg.ImageItem(axisOrder="row-major")
        self._image.setColorMap(pg.colormap.get("viridis"))
        self.addItem(self._image)
        self._dead = pg.ScatterPlotItem(symbol="x", size=8, pen=None, brush=style.DIM)
        self._hot = pg.ScatterPlotItem(symbol="t1", size=11, pen=None, brush=style.WARNING)
        self.addItem(self._dead)
        self.addItem(self._hot)
        self.invertY(True)
        self.setAspectLocked(True)

    def refresh(self, signals: Signals) -> None:
        """Draw the newest data."""
        channels = signals.channels
        if channels.labels != self._labels:
            self._lay_out(channels.labels)
        self.say_missing(signals.missing(Kind.COUNTS))
        self._image.setOpacity(1.0 if signals.is_fresh(Kind.COUNTS) else 0.25)
        if not channels.labels:
            return
        rates_hz = self._cells(channels.rate_hz)
        busiest_hz = float(np.nanmax(rates_hz))
        self._top_hz = next((top for top in _STEPS_HZ if top >= busiest_hz), _STEPS_HZ[-1])
        self._image.setImage(rates_hz, levels=(0.0, self._top_hz), autoLevels=False)
        self._dead.setData(pos=self._centres(channels.dead))
        self._hot.setData(pos=self._centres(channels.hot))
        self.plotItem.titleLabel.setText(self._title(channels), color=style.TEXT)

    def _title(self, channels: Channels) -> str:
        marked = f"{channels.dead.sum()} silent ×, {channels.hot.sum()} hot ▲"
        mean_hz = channels.rate_hz.mean()
        return f"Array: mean {mean_hz:.0f} spikes/s, 0 … {self._top_hz:g} · {marked}"

    def _lay_out(self, labels: tuple[str, ...]) -> None:
        self._labels = labels
        self._places = places_of(self._map_file, labels)
        if labels:
            rows, columns = self._places.max(axis=0) + 1
            self.setRange(QRectF(0, 0, float(columns), float(rows)), padding=0.02)

    def _cells(self, rate_hz: FloatArray) -> FloatArray:
        """Return rates ``(row, column)``; an electrode's units are added, NaN is without one."""
        rows, columns = self._places.max(axis=0) + 1
        totals = np.zeros((rows, columns))
        known = np.zeros((rows, columns), dtype=np.bool_)
        cells = tuple(self._places.T)
        np.add.at(totals, cells, rate_hz)
        known[cells] = True
        return np.where(known, totals, np.nan)

    def _centres(self, chosen: BoolArray) -> FloatArray:
        return self._places[chosen][:, ::-1].astype(np.float64) + 0.5
