"""Draw what changed during a session, on one axis of time."""

from xml.etree.ElementTree import Element

import numpy as np

from rt_ner.core.arrays import AnyArray, FloatArray, Int64Array
from rt_ner.report.figures.drawing.colours import BLUE, GREEN, GREY, ORANGE, STATES, YELLOW
from rt_ner.report.figures.drawing.plot import Axis, Plot, axis_for
from rt_ner.report.reading.session import Session
from rt_ner.report.reading.streams import seconds
from rt_ner.report.reading.task import Task

_N_PARTS = 240
_MINUTES_FROM_S = 180.0
SWAP = "another bundle from here on"


class Courses:
    """The figures of a session over time, all on the same axis."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._unit_s = 60.0 if session.length_s > _MINUTES_FROM_S else 1.0
        unit = "min" if self._unit_s > 1 else "s"
        length = max(session.length_s, 1e-3) / self._unit_s
        self._x = Axis(0.0, length, f"time since the start of the recording ({unit})")

    def states(self) -> Element:
        """Draw the decoder's states."""
        present = list(dict.fromkeys(stay.state for stay in self._session.stays))
        legend = [(_state_colour(state), state) for state in present]
        plot = Plot(self._x, Axis(0, 1, "state", ()), "The decoder's states over time", 26, legend)
        for stay in self._session.stays:
            span = self._at(stay.begin_ns), self._at(stay.end_ns)
            says = f"{stay.state} for {stay.length_s:.1f} s"
            plot.bar(span, (0, 1), _state_colour(stay.state), says)
        return self._with_swaps(plot)

    def trials(self, task: Task) -> Element:
        """Draw the outcome of each trial, and the success of each block."""
        legend = ((GREEN, "success"), (ORANGE, "failure"), (BLUE, "success of the block"))
        plot = Plot(self._x, Axis(0, 105, "success (%)"), "Trials and blocks", 110, legend)
        for trial in task.whole.trials:
            at = np.array([self._at(trial.end_ns)])
            colour, where = (GREEN, 102.0) if trial.success else (ORANGE, 3.0)
            plot.points(at, np.array([where]), colour, 2.2)
        for block in task.blocks:
            ends = [self._at(ns) for ns in (block.trials[0].go_ns, block.trials[-1].end_ns)]
            percent = 100 * block.score.success_rate
            plot.line(np.array(ends), np.array([percent, percent]), BLUE, 3.0)
        return self._with_swaps(plot)

    def latency(self) -> Element | None:
        """Draw median and tail of the latency."""
        timing = self._session.timing
        if timing is None or not np.isfinite(timing.total_ms).any():
            return None
        at, median, tail, largest = self._quantiles(timing.hop_ns, timing.total_ms)
        legend = ((BLUE, "median"), (YELLOW, "99 of 100 are faster"), (ORANGE, "slowest"))
        most = np.log10(max(float(np.nanmax(largest)), 1e-2))
        least = min(np.log10(max(float(np.nanmin(median)), 1e-3)), most - 0.5)
        decades = np.arange(np.ceil(least), np.floor(most + 0.1) + 1).tolist()
        ticks = tuple((decade, f"{10**decade:g}") for decade in decades)
        y = Axis(least - 0.1, most + 0.1, "latency (ms)", ticks)
        plot = Plot(self._x, y, "Latency over time", 130, legend)
        for values, colour in ((largest, ORANGE), (tail, YELLOW), (median, BLUE)):
            plot.line(at, np.log10(values), colour)
        return self._with_swaps(plot)

    def losses(self, names: tuple[str, ...]) -> Element | None:
        """Draw when counts of what was lost or late grew."""
        timing = self._session.timing
        rows = [name for name in names if timing and timing.totals.get(name)]
        if timing is None or not rows:
            return None
        ticks = tuple((len(rows) - 0.5 - row, name) for row, name in enumerate(rows))
        y = Axis(0, len(rows), "", tuple((at, name.replace("_", " ")) for at, name in ticks))
        plot = Plot(self._x, y, "Times of losses", 22 * len(rows))
        for (at, name), colour in zip(ticks, [ORANGE] * len(ticks), strict=True):
            times_ns, grown = timing.lost[name]
            part = self._part(times_ns)
            for one in np.unique(part).tolist():
                n = int(grown[part == one].sum())
                edges = [self._x.high * (one + more) / _N_PARTS for more in (0, 1)]
                plot.bar((edges[0], edges[1]), (at - 0.38, at + 0.38), colour, f"{n:,} {name}")
        return self._with_swaps(plot)

    def drift(self) -> Element | None:
        """Draw how far the running normalisation has moved."""
        times_ns, moved = self._session.drift
        if not len(times_ns):
            return None
        y = axis_for(moved, "drift (√spikes)")
        plot = Plot(self._x, y, "Drift of the electrodes' firing", 110)
        plot.line(seconds(times_ns, self._session.begin_ns) / self._unit_s, moved, BLUE)
        return self._with_swaps(plot)

    def over_time(self, y: Axis, title: str, height: float) -> Plot:
        """Return an empty figure over time."""
        return Plot(self._x, y, title, height)

    def _at(self, time_ns: int) -> float:
        at = (time_ns - self._session.begin_ns) / 1e9 / self._unit_s
        return min(max(at, 0.0), self._x.high)

    def _part(self, times_ns: Int64Array) -> AnyArray:
        """Return the number of the part of the session in which each time lies."""
        at_s = seconds(times_ns, self._session.begin_ns)
        part = (at_s / max(self._session.length_s, 1e-9) * _N_PARTS).astype(np.int64)
        return np.asarray(part.clip(0, _N_PARTS - 1))

    def _quantiles(
        self, times_ns: Int64Array, values: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return the middle of each part of the session with median, 99 % and largest value."""
        known = np.isfinite(values) & (values > 0)
        part, values = self._part(times_ns[known]), values[known]
        rows = np.full((_N_PARTS, 3), np.nan)
        for one in np.unique(part).tolist():
            rows[one] = np.percentile(values[part == one], [50, 99, 100])
        at = (np.arange(_N_PARTS) + 0.5) / _N_PARTS * self._x.high
        return at, rows[:, 0], rows[:, 1], rows[:, 2]

    def _with_swaps(self, plot: Plot) -> Element:
        for swap_ns in self._session.swaps_ns:
            plot.mark(self._at(swap_ns), SWAP)
        return plot.svg()


def _state_colour(state: str) -> str:
    return next((colour for known, colour in STATES.items() if known == state), GREY)
