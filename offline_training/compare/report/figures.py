"""Draw scores per method, accuracy over time, and the matrix across recordings."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MultipleLocator

from offline_training.compare.report.paper import paper_rows
from offline_training.compare.report.tables import across_matrix, across_methods, recording_names
from offline_training.compare.run import DirectionOverTime, Results
from offline_training.compare.scoring.rows import Scored, Way, mean_over_seeds
from offline_training.figures.report import COLOURS, png_of
from rt_ner.core.arrays import FloatArray

_MARKERS = "osD^vPXp"
_COLUMNS = 3
_MATRIX_COLOURS = "cividis"


@dataclass(frozen=True)
class _Look:
    """Look of one kind of marks. ``marker`` or ``edge`` None: the recording's own."""

    marker: str | None = None
    edge: str | None = None
    size: float = 6.0
    filled: bool = True


_OURS, _CONTROL, _PAPER = _Look(), _Look(filled=False), _Look(marker="*", edge="0.15", size=11.0)


def draw_scores(results: Results) -> bytes:
    """Draw R² per method and recording; controls are hollow, scores of the paper are stars."""
    recordings = recording_names(results)
    paper = paper_rows(recordings)
    everything: list[Scored] = [*results.rows, *paper]
    ways = list(dict.fromkeys(row.way for row in everything))
    height = 1.3 + 0.4 * len(ways)
    figure = Figure(figsize=(14.5, height), facecolor="white")
    figure.subplots_adjust(0.095, 0.6 / height, 0.83, 1 - 0.4 / height, wspace=0.12)
    # R² below these only says that a method fails; showing it would crowd the others.
    floors = (-0.5, -0.5, 0.0)
    velocity, swapped, position = (
        _Panel(axes, floor, ways, recordings)
        for axes, floor in zip(figure.subplots(1, 3, sharey=True), floors, strict=True)
    )
    velocity.draw(results.rows, "shuffled_r2", _CONTROL)
    velocity.draw(results.rows, "r2", _OURS)
    velocity.finish(
        "Outputs" if any(row.decodes != "velocity" for row in results.rows) else "Velocity"
    )
    for panel, name in ((swapped, "swapped_r2"), (position, "path_r2")):
        panel.draw(results.rows, name, _OURS)
        panel.draw(paper, name, _PAPER)
    swapped.finish("Velocity, R² with arguments swapped")
    position.finish("Position")
    marks = _score_legend(recordings)
    figure.legend(handles=marks, loc="center left", bbox_to_anchor=(0.835, 0.5), frameon=False)
    return png_of(figure)


class _Panel:
    """Scores along x: one row per method and readout, one mark per recording."""

    def __init__(
        self, axes: Axes, floor: float, ways: Sequence[Way], recordings: Sequence[str]
    ) -> None:
        self._axes = axes
        self._floor = floor
        self._ways = ways
        self._shift = dict(zip(recordings, _spread(len(recordings)), strict=True))
        self._own = _own_marks(recordings)

    def draw(self, rows: Sequence[Scored], score: str, look: _Look) -> None:
        """Draw one mark per method, readout and recording: the mean over seeds."""
        for way, values in mean_over_seeds(rows, score).items():
            for recording, value in values.items():
                self._mark(value, self._ways.index(way), recording, look)

    def _mark(self, value: float, row: int, recording: str, look: _Look) -> None:
        colour, marker = self._own[recording]
        is_below = value < self._floor
        self._axes.plot(
            max(value, self._floor),
            row + self._shift[recording],
            marker="<" if is_below else look.marker or marker,
            markersize=_OURS.size if is_below else look.size,
            markerfacecolor=colour if look.filled else "none",
            markeredgecolor=look.edge or colour,
            markeredgewidth=0.7 if look.edge else 1.2,
            clip_on=False,
            zorder=3,
        )

    def finish(self, title: str) -> None:
        """Set scale, labels and grid."""
        axes, n_ways = self._axes, len(self._ways)
        axes.set_title(title, fontsize=11)
        axes.set_xlim(self._floor, 1.0)
        axes.xaxis.set_major_locator(MultipleLocator(0.25))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_ylim(n_ways - 0.5, -0.5)
        axes.set_yticks(range(n_ways), [f"{method}, {readout}" for method, readout in self._ways])
        axes.set_xlabel("R², held-out trials")
        axes.grid(axis="x", color="0.9")
        axes.axvline(0.0, color="0.6", linewidth=0.8)
        for row in range(1, n_ways):
            axes.axhline(row - 0.5, color="0.93", linewidth=0.8)
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)


def draw_direction(results: Results) -> bytes | None:
    """Draw direction accuracy from each step alone, one line per method; None without directions.

    Trials of all recordings and seeds are pooled, at the times that all recordings have.
    """
    if not results.directions:
        return None
    figure = Figure(figsize=(8.5, 4.8), facecolor="white")
    figure.subplots_adjust(0.085, 0.125, 0.8, 0.92)
    axes = figure.subplots()
    methods = list(dict.fromkeys(each.method for each in results.directions))
    for index, method in enumerate(methods):
        of_method = [each for each in results.directions if each.method == method]
        axes.plot(
            *_pooled(of_method),
            color=COLOURS[index % len(COLOURS)],
            linestyle=("-", "--", ":")[index // len(COLOURS) % 3],
            linewidth=1.8,
            label=method,
        )
    chance = 100 * float(np.mean([each.score.chance for each in results.directions]))
    axes.axhline(chance, color="0.5", linewidth=1.0, linestyle=(0, (1, 2)), label="chance")
    axes.set_ylim(0, 100)
    axes.set_xlim(left=0)
    axes.set_xlabel("Time since go cue (s)")
    axes.set_ylabel("Held-out trials classified correctly (%)")
    axes.set_title("Reach direction from a single time step", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return png_of(figure)


def draw_across(results: Results) -> bytes | None:
    """Draw velocity R² across recordings, one matrix per method; None if only one."""
    methods = across_methods(results)
    if not methods:
        return None
    recordings = recording_names(results)
    n_columns = min(_COLUMNS, len(methods))
    n_rows = -(-len(methods) // n_columns)
    side = 1.0 + 0.62 * len(recordings)
    width, height = 2.6 + n_columns * side, 1.9 + n_rows * (side + 0.35)
    figure = Figure(figsize=(width, height), facecolor="white", layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False, sharex=True, sharey=True).ravel()
    for index, (axes, method) in enumerate(zip(panels, methods, strict=False)):
        _draw_matrix(axes, across_matrix(results, method), recordings)
        axes.set_title(method, fontsize=11)
        axes.tick_params(labelbottom=index + n_columns >= len(methods))
    for axes in panels[len(methods) :]:
        axes.set_visible(False)
    _label_matrices(figure, panels.tolist())
    return png_of(figure)


def _label_matrices(figure: Figure, panels: Sequence[Axes]) -> None:
    figure.supxlabel("Decoded recording (held-out trials)", fontsize=10)
    figure.supylabel("Recording that the readout was fitted to", fontsize=10)
    figure.colorbar(
        ScalarMappable(Normalize(0, 1), _MATRIX_COLOURS),
        ax=panels,
        extend="min",
        label="Velocity R², latents aligned",
        shrink=min(1, 3 / figure.get_figheight()),
        aspect=18,
    )


def _draw_matrix(axes: Axes, matrix: FloatArray, names: Sequence[str]) -> None:
    axes.imshow(matrix, cmap=_MATRIX_COLOURS, vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(matrix):
        text = "–" if np.isnan(value) else f"{value:.2f}".replace("-", "−")
        colour = "black" if value > 0.55 or np.isnan(value) else "white"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _own_marks(recordings: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return the colour and marker of each recording."""
    return {
        name: (COLOURS[index % len(COLOURS)], _MARKERS[index % len(_MARKERS)])
        for index, name in enumerate(recordings)
    }


def _score_legend(recordings: Sequence[str]) -> list[Line2D]:
    def entry(label: str, marker: str, colour: str, look: _Look = _OURS) -> Line2D:
        return Line2D(
            [],
            [],
            linestyle="",
            marker=marker,
            color=colour,
            markersize=look.size,
            markerfacecolor=colour if look.filled else "none",
            label=label,
        )

    own = _own_marks(recordings)
    return [
        *(entry(name, marker, colour) for name, (colour, marker) in own.items()),
        entry("hollow: shuffled control", "o", "0.4", _CONTROL),
        entry("star: paper (not causal)", "*", "0.4", _PAPER),
        entry("below the scale", "<", "0.4"),
    ]


def _pooled(parts: Sequence[DirectionOverTime]) -> tuple[FloatArray, FloatArray]:
    """Return times (s) and percentages of correct trials, at the steps that all parts have."""
    by_time: dict[int, list[tuple[int, int]]] = {}
    for part in parts:
        time_us = np.round(part.recording.step_end_s * 1e6).astype(int)
        for at_us, right, trials in zip(time_us, part.score.right, part.score.trials, strict=True):
            if trials:
                by_time.setdefault(int(at_us), []).append((int(right), int(trials)))
    common = {at_us: pairs for at_us, pairs in sorted(by_time.items()) if len(pairs) == len(parts)}
    percent = [100 * np.divide(*np.sum(pairs, axis=0)) for pairs in common.values()]
    return np.array(list(common)) / 1e6, np.array(percent)


def _spread(n: int) -> FloatArray:
    """Return shifts that place a row's marks side by side."""
    return np.linspace(-0.26, 0.26, n) if n > 1 else np.zeros(1)
