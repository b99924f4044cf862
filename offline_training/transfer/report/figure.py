"""Draw R² over the number of labelled trials, one line per method."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from offline_training.figures.report import COLOURS, png_of
from offline_training.transfer.results import SCRATCH, TRANSFER, Curve, Point
from rt_ner.core.arrays import FloatArray

_COLOURS = {TRANSFER: COLOURS[0], SCRATCH: COLOURS[5], "wiener": COLOURS[3], "gru": COLOURS[7]}
_MARKERS = {TRANSFER: "o", SCRATCH: "s", "wiener": "^", "gru": "D"}
_NAMES = {TRANSFER: "transfer", SCRATCH: "NER from scratch", "wiener": "Wiener", "gru": "GRU"}
# R² below this only says that a method fails; showing it would crowd the others.
_FLOOR = -0.25
# Position of the label-free score: doublings to the left of the fewest labelled trials.
_NO_LABELS_GAP = 1.0


def draw_curve(curve: Curve) -> bytes:
    """Return the curve as PNG; controls are hollow, the label-free score is on the far left."""
    figure = Figure(figsize=(8.5, 5.0), facecolor="white")
    figure.subplots_adjust(0.085, 0.125, 0.7, 0.9)
    axes = figure.subplots()
    axes.axhline(0.0, color="0.6", linewidth=0.8)
    axes.axhline(
        curve.full_r2,
        color="0.3",
        linestyle="--",
        linewidth=1.2,
        label="NER from scratch,\nall trials",
    )
    for method in dict.fromkeys(point.method for point in curve.points):
        _draw_method(axes, curve, method)
    _draw_control(axes, curve)
    _finish(axes, curve)
    axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    return png_of(figure)


def _draw_method(axes: Axes, curve: Curve, method: str) -> None:
    points = [point for point in curve.points if point.method == method]
    colour, name = _COLOURS[method], _NAMES[method]
    for with_labels, marker, size, label in (
        (True, _MARKERS[method], 6, name),
        (False, "*", 13, f"{name}, no labels"),
    ):
        chosen = [point for point in points if point.labels == with_labels]
        if chosen:
            places, scores = _places(curve, chosen), _scores(chosen, "r2")
            axes.plot(
                places, scores, color=colour, marker=marker, markersize=size, label=label, zorder=3
            )
            _mark_below(axes, places, scores, colour, colour)


def _draw_control(axes: Axes, curve: Curve) -> None:
    points = [point for point in curve.points if point.shuffled_r2 is not None]
    places, scores = _places(curve, points), _scores(points, "shuffled_r2")
    colour = _COLOURS[TRANSFER]
    name = "control: random match,\nshuffled labels"
    axes.plot(places, scores, "o", color=colour, markerfacecolor="white", label=name, zorder=3)
    _mark_below(axes, places, scores, colour, "white")


def _mark_below(axes: Axes, places: FloatArray, scores: FloatArray, colour: str, face: str) -> None:
    """Draw triangles at the floor for scores below the scale."""
    below = places[scores < _FLOOR]
    floor = np.full(below.size, _FLOOR)
    axes.plot(below, floor, "v", color=colour, markerfacecolor=face, clip_on=False, zorder=4)


def _scores(points: Sequence[Point], name: str) -> FloatArray:
    return np.array([getattr(point, name) for point in points], dtype=np.float64)


def _finish(axes: Axes, curve: Curve) -> None:
    """Set scales, labels and grid."""
    points = {point.trials: point for point in curve.points}
    numbers = sorted(points)
    n_all = curve.days.target.trials.size
    names = [_name(number, n_all) for number in numbers]
    places = _places(curve, [points[number] for number in numbers])
    axes.set_xticks(places, names)
    if numbers[0] == 0 < numbers[-1]:
        # Zero has no place on a logarithmic axis: mark the break.
        axes.axvline(places[:2].mean(), color="0.7", linewidth=0.9, linestyle=(0, (2, 3)))
    axes.set_ylim(_FLOOR, 1.0)
    axes.margins(x=0.06)
    axes.grid(axis="y", color="0.92")
    axes.set_axisbelow(True)
    axes.set_xlabel("Labelled trials of the new day (logarithmic)")
    axes.set_ylabel(f"{curve.kind.capitalize()} R², held-out trials of the new day")
    days = curve.days
    axes.set_title(
        f"{days.known} → {days.target.session.name} {days.target.session.area}",
        loc="left",
        fontweight="bold",
    )
    axes.spines[["top", "right"]].set_visible(False)


def _places(curve: Curve, points: Sequence[Point]) -> FloatArray:
    """Return positions along x: log2 of the number of trials, label-free scores to the left."""
    labelled = [point.trials for point in curve.points if point.labels]
    no_labels = np.log2(min(labelled, default=1)) - _NO_LABELS_GAP
    return np.array(
        [np.log2(point.trials) if point.labels else no_labels for point in points], dtype=np.float64
    )


def _name(number: int, n_all: int) -> str:
    if not number:
        return "0\n(no labels)"
    return f"{number}\n(all)" if number == n_all else str(number)
