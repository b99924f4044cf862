"""Directions of reaches: stated in some way, and understood by where the reaches went."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rt_ner.core.arrays import BoolArray, FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.outputs import Output, OutputKind
from rt_ner.core.errors import SessionError
from rt_ner.data.session.behaviour import Behaviour

# So many reaches are enough to judge by, and this mean cosine between label and movement is enough
# to believe a label.
FEWEST_REACHES, AGREES = 8, 0.5
# Whole numbers up to this may number targets.
_MOST_TARGETS = 16


class Directions(NamedTuple):
    """Directions in degrees ``(trial,)``, and notes on how they were understood."""

    degrees: FloatArray
    notes: tuple[str, ...]


def angles_deg(displacement: FloatArray) -> FloatArray:
    """Return the directions, from 0 to 360 degrees, of displacements ``(trial, 2)``."""
    return np.asarray(np.rad2deg(np.arctan2(displacement[:, 1], displacement[:, 0])) % 360.0)


def displacements_cm(
    go_ns: Int64Array, end_ns: Int64Array, kinematics: Behaviour | None
) -> FloatArray:
    """Return how far each reach went, ``(trial, 2)``; 0 if there are no kinematics."""
    path_cm = None if kinematics is None else plane_path(kinematics)
    if kinematics is None or path_cm is None:
        return np.zeros((len(go_ns), 2))
    first, last = _samples(go_ns, kinematics), _samples(end_ns, kinematics)
    return np.asarray(path_cm[last] - path_cm[first])


def plane_path(kinematics: Behaviour) -> FloatArray | None:
    """Return the position ``(sample, 2)``, or that which a velocity leads to; None without either.

    Lengths are in the outputs' own unit, which is cm for all known lengths. Time does not pass in
    gaps.
    """
    columns = plane_columns(kinematics.outputs)
    if not columns:
        return None
    plane = kinematics.values[:, columns]
    if kinematics.outputs[columns[0]].kind is OutputKind.POSITION:
        return plane
    steps_s = np.diff(kinematics.time_ns, prepend=kinematics.time_ns[0]) / NS_PER_S
    usual_s = float(np.median(steps_s))
    path: FloatArray = np.cumsum(plane * np.minimum(steps_s, 2 * usual_s)[:, None], axis=0)
    return path


def plane_columns(outputs: Sequence[Output]) -> list[int]:
    """Return the columns of two velocities or else of two positions; none without either."""
    for kind in (OutputKind.VELOCITY, OutputKind.POSITION):
        columns = [column for column, output in enumerate(outputs) if output.kind is kind]
        if len(columns) >= len("xy"):
            return columns[:2]
    return []


def way_deg(go_ns: Int64Array, end_ns: Int64Array, kinematics: Behaviour | None) -> FloatArray:
    """Return the direction of each reach's farthest point, ``(trial,)``; NaN without movement.

    Unlike the end point, it is not back at the start if the trial lasts until the hand is.
    """
    path_cm = None if kinematics is None else plane_path(kinematics)
    if kinematics is None or path_cm is None:
        return np.full(len(go_ns), np.nan)
    farthest = np.zeros((len(go_ns), 2))
    pairs = zip(_samples(go_ns, kinematics), _samples(end_ns, kinematics), strict=True)
    for trial, (first, last) in enumerate(pairs):
        way_cm = path_cm[first : last + 1] - path_cm[first]
        farthest[trial] = way_cm[np.argmax(np.hypot(*way_cm.T))]
    return np.where(farthest.any(axis=1), angles_deg(farthest), np.nan)


def stated_directions(name: str, stated: FloatArray, moved_deg: FloatArray) -> Directions:
    """Return the directions that numbers of some kind stand for: degrees, radians or indices.

    ``name`` is that of the numbers in the file, and ``moved_deg`` the reaches' own directions,
    which are taken where a number is NaN, and for all if no reading of the numbers fits them.
    """
    if not np.isfinite(stated).any():
        return complete(moved_deg, "no directions: those of the movement are used")
    readings = _readings(stated)
    if (np.isfinite(stated) & np.isfinite(moved_deg)).sum() < FEWEST_REACHES:
        unit = _unit_by_values(stated)
        note = f"{name} is assumed to be in {unit}, judging by its values"
        return complete(np.where(np.isfinite(stated), readings[unit], moved_deg), note)
    return _best(name, readings, moved_deg, np.isfinite(stated))


def numbered_directions(
    name: str, stated: FloatArray, n_targets: int, moved_deg: FloatArray
) -> Directions:
    """Return the directions to targets by number, evenly spaced from the x axis.

    They may be numbered from 0 or from 1. Raises SessionError if there are more than ``n_targets``.
    """
    known = stated[np.isfinite(stated)]
    readings = {
        f"indices from {first}": _indices(stated, first, n_targets)
        for first in (1, 0)
        if ((known >= first) & (known < first + n_targets) & (known == np.rint(known))).all()
    }
    if not readings:
        raise SessionError(
            f"{name} is {known.min():g} to {known.max():g}, which does not number {n_targets} "
            "targets: correct the number of targets"
        )
    if (np.isfinite(stated) & np.isfinite(moved_deg)).sum() >= FEWEST_REACHES:
        return _best(name, readings, moved_deg, np.isfinite(stated))
    reading = next(iter(readings))
    notes = [f"{name} is assumed to be {reading}"] if len(readings) > 1 else []
    return complete(np.where(np.isfinite(stated), readings[reading], moved_deg), *notes)


def target_directions(name: str, target: FloatArray, moved_deg: FloatArray) -> Directions:
    """Return the directions to targets ``(trial, 2)``, from the origin or from their centre."""
    known: BoolArray = np.asarray(np.isfinite(target).all(axis=1))
    places = np.unique(target[known], axis=0)
    centre = places.mean(axis=0) if len(places) else np.zeros(2)
    readings = {"cm from the centre": angles_deg(target)}
    if np.abs(centre).max() > 1e-6:
        where = f"({centre[0]:.3g}, {centre[1]:.3g})"
        readings[f"coordinates of the workspace, with the centre at {where}"] = angles_deg(
            target - centre
        )
    if (known & np.isfinite(moved_deg)).sum() < FEWEST_REACHES:
        return complete(np.where(known, angles_deg(target), moved_deg))
    return _best(name, readings, moved_deg, known)


def _best(
    name: str, readings: Mapping[str, FloatArray], moved_deg: FloatArray, is_stated: BoolArray
) -> Directions:
    """Return the reading that agrees best with the movement, or the movement if none does."""
    agreement = {unit: _agreement(degrees, moved_deg) for unit, degrees in readings.items()}
    unit = max(agreement, key=agreement.__getitem__)
    if not agreement[unit] >= AGREES:
        note = (
            f"{name} does not fit where the reaches went, however it is read: the directions of "
            "the movement are used"
        )
        return complete(moved_deg, note)
    note = f"{name} is read as {unit}, which fits where the reaches went"
    return complete(np.where(is_stated, readings[unit], moved_deg), note)


def complete(degrees: FloatArray, *notes: str) -> Directions:
    """Return directions with 0 where neither label nor movement tells one, and a note on that."""
    unknown = ~np.isfinite(degrees)
    if unknown.any():
        notes += (f"trials without direction and movement, taken as 0°: {unknown.sum()}",)
    return Directions(np.where(unknown, 0.0, degrees), notes)


def _readings(stated: FloatArray) -> dict[str, FloatArray]:
    """Return the directions in degrees that the numbers can stand for, by their unit."""
    readings = {"degrees": stated % 360.0, "radians": np.rad2deg(stated) % 360.0}
    known = stated[np.isfinite(stated)]
    if known.size and (known == np.rint(known)).all() and known.min() >= 0:
        largest = known.max()
        if 1 <= largest <= _MOST_TARGETS:
            readings["indices from 0"] = _indices(stated, 0, largest + 1)
            readings["indices from 1"] = _indices(stated, 1, largest)
    return readings


def _indices(stated: FloatArray, first: int, n_targets: float) -> FloatArray:
    """Return the directions of targets by number, evenly spaced from the x axis."""
    return (stated - first) * 360.0 / n_targets % 360.0


def _unit_by_values(stated: FloatArray) -> str:
    """Return the likeliest unit of numbers where movement can't tell."""
    known = stated[np.isfinite(stated)]
    return "radians" if (np.abs(known) <= 2 * np.pi + 1e-6).all() else "degrees"


def _agreement(degrees: FloatArray, moved_deg: FloatArray) -> float:
    """Return the mean cosine between labels and movement, where both are known."""
    return float(np.nanmean(np.cos(np.deg2rad(moved_deg - degrees))))


def _samples(time_ns: Int64Array, kinematics: Behaviour) -> Int64Array:
    """Return the last sample at each time."""
    found: Int64Array = np.searchsorted(kinematics.time_ns, time_ns, "right").clip(1) - 1
    return found
