"""Draw the spikes of the last seconds, one row per electrode."""

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF

from rt_ner.core.contract.kinds import Kind
from rt_ner.view import style
from rt_ner.view.panels.panel import Panel
from rt_ner.view.signals.signals import Signals

SPAN_S = 5.0
# Spikes per hop from which on a mark is as bright as can be.
_MOST = 3.0


class RasterPanel(Panel):
    """One row per electrode, the first on top, the newest hop on the right; bright: many spikes."""

    def __init__(self) -> None:
        super().__init__("Spikes", "time (s)", "electrode")
        self._image = pg.ImageItem(axisOrder="row-major")
        self._image.setColorMap(pg.ColorMap([0.0, 1.0], [style.PANEL, style.TEXT]))
        self.addItem(self._image)
        self.invertY(True)
        self._n_channels = 0
        self.setXRange(-SPAN_S, 0.0, padding=0)

    def refresh(self, signals: Signals) -> None:
        """Draw the newest data."""
        stamps_s, counts = signals.channels.spikes.newest(SPAN_S)
        self.say_missing(signals.missing(Kind.COUNTS))
        if len(stamps_s) < 2:
            return
        if counts.shape[1] != self._n_channels:
            self._n_channels = counts.shape[1]
            self.setYRange(0.5, self._n_channels + 0.5, padding=0)
        hop_s = float(np.median(np.diff(stamps_s)))
        # Each hop in its place: one that was not published leaves a gap.
        column = np.rint((stamps_s - stamps_s[0]) / hop_s).astype(np.int64)
        image = np.zeros((self._n_channels, int(column[-1]) + 1))
        image[:, column] = counts.T
        begin_s = stamps_s[0] - hop_s - signals.clock_s
        self._image.setImage(np.sqrt(image), levels=(0.0, np.sqrt(_MOST)), autoLevels=False)
        self._image.setRect(QRectF(begin_s, 0.5, hop_s * image.shape[1], self._n_channels))
        self._image.setOpacity(1.0 if signals.is_fresh(Kind.COUNTS) else 0.25)
