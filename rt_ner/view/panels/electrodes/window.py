"""Show the operator the spikes and the tuning of each electrode, in a window of their own."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMainWindow, QSplitter

from rt_ner.view.panels.electrodes.raster import RasterPanel
from rt_ner.view.panels.electrodes.tuning import TuningPanel
from rt_ner.view.signals.signals import Signals

_SIZE = 1500, 760
_RASTER_EVERY_S, _TUNING_EVERY_S = 0.05, 0.5


class ElectrodesWindow(QMainWindow):
    """Spike raster and tuning curves; nothing is drawn while it is closed."""

    def __init__(self, signals: Signals, map_file: Path | None) -> None:
        super().__init__()
        self._signals = signals
        self.raster, self.tuning = RasterPanel(), TuningPanel(map_file)
        self._raster_due_s = self._tuning_due_s = 0.0
        panels = QSplitter(Qt.Orientation.Horizontal)
        for panel in (self.raster, self.tuning):
            panels.addWidget(panel)
        panels.setSizes([_SIZE[0] // 2] * 2)
        self.setCentralWidget(panels)
        self.setWindowTitle(f"rt-ner · {signals.decoder_name} · electrodes")
        self.resize(*_SIZE)

    def refresh(self, frame_s: float) -> None:
        """Draw the newest data; the last frame was ``frame_s`` ago."""
        if not self.isVisible():
            return
        self._raster_due_s -= frame_s
        self._tuning_due_s -= frame_s
        if self._raster_due_s <= 0:
            self._raster_due_s = _RASTER_EVERY_S
            self.raster.refresh(self._signals)
        if self._tuning_due_s <= 0:
            self._tuning_due_s = _TUNING_EVERY_S
            self.tuning.refresh(self._signals)
