"""Draw the cursor's paths to the targets."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

import numpy as np

from rt_ner.report.figures.drawing.colours import GREY, colour_of
from rt_ner.report.figures.drawing.plot import BESIDE, Axis, Plot
from rt_ner.task.trials.targets import Target
from rt_ner.task.trials.trial_machine import Trial

_MOST_PATHS, _MOST_POINTS = 400, 40
_SIZE = 420


def targets_of(trials: Sequence[Trial]) -> dict[Target, list[Trial]]:
    """Return the trials of each target, the targets by direction from the centre."""
    by_target: dict[Target, list[Trial]] = {}
    for trial in trials:
        by_target.setdefault(trial.target, []).append(trial)
    return dict(sorted(by_target.items(), key=lambda one: direction_deg(one[0])))


def direction_deg(target: Target) -> float:
    """Return the direction of a target from the centre, in degrees."""
    return float(np.rad2deg(np.arctan2(target.y, target.x)).round(1) % 360)


def paths(trials: Sequence[Trial]) -> tuple[Element, int]:
    """Draw the paths from the go cue on, and return the figure and the number of paths in it."""
    by_target = targets_of(trials)
    colours = {target: colour_of(number) for number, target in enumerate(by_target)}
    shown = [trials[row] for row in _evenly(len(trials), _MOST_PATHS)]
    edge = max(_farthest(trials), 1.0) * 1.05
    x, y = Axis(-edge, edge, "cursor x (cm)"), Axis(-edge, edge, "cursor y (cm)")
    plot = Plot(x, y, "Paths of the cursor, by target", _SIZE, width=_SIZE + BESIDE)
    for trial in sorted(shown, key=lambda one: bool(one.success)):
        path = np.array([trial.path_cm[row] for row in _evenly(len(trial.path_cm), _MOST_POINTS)])
        if len(path) > 1:
            colour = colours[trial.target] if trial.success else GREY
            plot.line(path[:, 0], path[:, 1], colour, 1.0)
    for target, colour in colours.items():
        plot.disc(target.x, target.y, target.radius, colour)
    return plot.svg(), len(shown)


def _farthest(trials: Sequence[Trial]) -> float:
    """Return the farthest place of a path or of the edge of a target, in cm."""
    edges = [max(abs(one.target.x), abs(one.target.y)) + one.target.radius for one in trials]
    places = [float(np.abs(one.path_cm).max()) for one in trials if one.path_cm]
    return max([*edges, *places], default=1.0)


def _evenly(n: int, most: int) -> list[int]:
    """Return the numbers below ``n``, or ``most`` of them, evenly."""
    rows: list[int] = np.unique(np.linspace(0, n - 1, min(n, most)).astype(int)).tolist()
    return rows if n else []
