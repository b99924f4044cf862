"""Draw the time of each stage since the data's arrival, against the budget of one hop."""

import numpy as np
import pyqtgraph as pg

from rt_ner.core.arrays import FloatArray
from rt_ner.core.contract.kinds import TIMING_LABELS, Kind
from rt_ner.view import style
from rt_ner.view.panels.panel import Panel
from rt_ner.view.signals.signals import Signals

SPAN_S, _COLUMN_S = 10.0, 0.05
_LOWEST_US = 5.0
_ARRIVED = TIMING_LABELS.index("arrived")
_STAGES = [TIMING_LABELS.index(stage) for stage in style.STAGES]
_NAMES = ("bin", "embed", "decode", "push")


class LatencyPanel(Panel):
    """Stages of the slowest hop in each 50 ms, on a logarithmic scale."""

    def __init__(self) -> None:
        super().__init__("Latency", "time (s)", "since arrival (µs)")
        self.plotItem.setLogMode(False, False)
        lowest = np.log10(_LOWEST_US)
        self._stages: list[pg.PlotCurveItem] = []
        # The last stage first, so that each earlier one is drawn over it.
        for colour in reversed(style.STAGES.values()):
            stage = pg.PlotCurveItem(pen=None, brush=colour, fillLevel=lowest, stepMode="left")
            self.addItem(stage)
            self._stages.insert(0, stage)
        self._budget = pg.InfiniteLine(
            0.0, angle=0, pen=pg.mkPen(style.TEXT, width=1), label="budget: one hop",
            labelOpts={"position": 0.02, "anchors": [(0, 0), (0, 1)], "color": style.DIM},
        )  # fmt: skip
        self.addItem(self._budget)
        ticks = [(k, f"{10**k:g}") for k in (1, 2, 3, 4, 5)]
        self.getAxis("left").setTicks([ticks])
        self.setXRange(-SPAN_S, 0.0, padding=0)
        self.setYRange(lowest, 5.0, padding=0)

    def refresh(self, signals: Signals) -> None:
        """Draw the newest data."""
        stamps_s, rows = signals.timing.newest(SPAN_S)
        self.say_missing(signals.missing(Kind.TIMING))
        if len(stamps_s) < 2:
            return
        hop_us = float(np.median(np.diff(stamps_s))) * 1e6
        self._budget.setValue(np.log10(max(hop_us, _LOWEST_US)))
        since_us = (rows[:, _STAGES] - rows[:, [_ARRIVED]]) * 1e6
        starts_s, slowest_us = slowest_by_column(stamps_s, since_us)
        opacity = 1.0 if signals.is_fresh(Kind.TIMING) else 0.3
        for stage, us in zip(self._stages, slowest_us.T, strict=True):
            stage.setOpacity(opacity)
            stage.setData(starts_s - signals.clock_s, np.log10(us.clip(_LOWEST_US)))
        p50, p99 = np.percentile(since_us[:, -1], [50, 99])
        legend = " ".join(
            f'<span style="color:{colour}">■ {name}</span>'
            for name, colour in zip(_NAMES, style.STAGES.values(), strict=True)
        )
        self.plotItem.titleLabel.setText(
            f"Latency p50 {p50:.0f}, p99 {p99:.0f} µs &nbsp; {legend}", color=style.TEXT
        )


def slowest_by_column(stamps_s: FloatArray, since_us: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the start of each column ``(column,)`` and its slowest hop ``(column, stage)``.

    Columns are fixed in time, so that the moving picture does not flicker.
    """
    column = np.floor(stamps_s / _COLUMN_S).astype(np.int64)
    order = np.lexsort((since_us[:, -1], column))
    last = np.flatnonzero(np.diff(column[order], append=-1))
    return column[order][last].astype(np.float64) * _COLUMN_S, since_us[order[last]]
