"""Draw targets, and test if the cursor is in one."""

from typing import NamedTuple

import numpy as np

from rt_ner.core.arrays import BoolArray, FloatArray
from rt_ner.task.settings import Layout, TaskSettings


class Target(NamedTuple):
    """A disc or its bounding square; ``x``, ``y`` and ``radius`` in cm."""

    x: float
    y: float
    radius: float
    is_square: bool = False

    @property
    def centre_cm(self) -> FloatArray:
        """Centre ``(2,)`` in cm."""
        return np.array([self.x, self.y])

    def holds(self, cursor_cm: FloatArray) -> bool:
        """Return True if the cursor's centre is in the target."""
        return bool(self.hold(cursor_cm))

    def hold(self, places_cm: FloatArray) -> BoolArray:
        """Return where places ``(…, 2)`` in cm are in the target, ``(…,)``."""
        away = np.abs(places_cm - self.centre_cm)
        farthest = away.max(axis=-1) if self.is_square else np.hypot(away[..., 0], away[..., 1])
        return np.asarray(farthest <= self.radius)


class Targets:
    """Draws targets; each one appears once before any is repeated."""

    def __init__(self, settings: TaskSettings) -> None:
        self._settings = settings
        self._rng = np.random.default_rng(settings.seed)
        self._order: list[int] = []
        self._back = False
        self.centre = Target(0.0, 0.0, settings.target_radius_cm)
        self.cells = _cells(settings) if settings.layout is Layout.GRID else ()

    @property
    def begins_in_centre(self) -> bool:
        """True if each reach begins with a hold in the centre."""
        return self._settings.layout is Layout.CENTRE_OUT

    def draw(self, cursor_cm: FloatArray) -> Target:
        """Draw the next target."""
        layout, settings = self._settings.layout, self._settings
        if layout is Layout.RANDOM:
            return self._anywhere(cursor_cm)
        if layout is Layout.GRID:
            return self.cells[self._next_of(len(self.cells))]
        if layout is Layout.CENTRE_OUT_BACK:
            self._back = not self._back
            if not self._back:
                return self.centre
        place = _place_on_circle(settings, self._next_of(settings.n_targets))
        return Target(*place, settings.target_radius_cm)

    def delay_ms(self) -> float:
        """Draw the time for which the next target is shown before the go cue."""
        return float(self._rng.uniform(*self._settings.delay_ms))

    def _next_of(self, n: int) -> int:
        if not self._order:
            self._order = self._rng.permutation(n).tolist()
        return self._order.pop()

    def _anywhere(self, cursor_cm: FloatArray) -> Target:
        """Draw a target in the workspace that the cursor is not in yet."""
        radius = self._settings.target_radius_cm
        reach = max(self._settings.workspace_cm / 2 - radius, radius)
        while True:
            x, y = self._rng.uniform(-reach, reach, 2)
            target = Target(float(x), float(y), radius)
            if not target.holds(cursor_cm):
                return target


def circle_and_centre(settings: TaskSettings) -> FloatArray:
    """Return the centres ``(target, 2)`` in cm of all targets of a centre-out task."""
    circle = [_place_on_circle(settings, number) for number in range(settings.n_targets)]
    return np.array([(0.0, 0.0), *circle])


def _place_on_circle(settings: TaskSettings, number: int) -> tuple[float, float]:
    """Return x and y in cm of a target of a centre-out task."""
    angle = number * (2 * np.pi / settings.n_targets)
    x, y = settings.distance_cm * np.cos(angle), settings.distance_cm * np.sin(angle)
    return float(x), float(y)


def _cells(settings: TaskSettings) -> tuple[Target, ...]:
    """Return the cells of the grid, row by row."""
    side, size = settings.grid_side, settings.workspace_cm / settings.grid_side
    places = (np.arange(side) - (side - 1) / 2) * size
    return tuple(Target(float(x), float(y), size / 2, True) for y in places for x in places)
