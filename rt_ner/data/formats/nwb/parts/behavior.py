"""Movement of an NWB file."""

from dataclasses import dataclass

import numpy as np
from pynwb import NWBFile, TimeSeries

from rt_ner.core.arrays import FloatArray
from rt_ner.core.clock import ns_array_from_s
from rt_ner.core.errors import SessionError
from rt_ner.core.quantities.units import cm_per_unit
from rt_ner.data.formats.nwb.datasets import LARGEST_S, check_size, seconds
from rt_ner.data.formats.nwb.parts.series import Found, find_movement
from rt_ner.data.session.behaviour import Behaviour


@dataclass(frozen=True, eq=False, repr=False)
class Movement:
    """Velocity ``(sample, 2)`` in cm/s at times in s, and warnings."""

    name: str
    times_s: FloatArray
    velocity_cm_s: FloatArray
    warnings: tuple[str, ...]

    def kinematics(self, shift_ns: int) -> Behaviour | None:
        """Return the kinematics with time shifted; None if there are no samples."""
        if not self.times_s.size:
            return None
        return Behaviour(ns_array_from_s(self.times_s) + shift_ns, self.velocity_cm_s)


def movement_of(nwb: NWBFile) -> Movement | None:
    """Return the movement of the hand or cursor, preferably its velocity."""
    found = find_movement(nwb)
    return None if found is None else _movement(found)


def _movement(found: Found) -> Movement:
    """Return a movement as velocity, without samples that have no value or time."""
    for one in found.series:
        check_size(one.data, one.name)
    values, warnings = _in_cm(found)
    times_s = _sample_times_s(found.series[0], len(values))
    kept = np.isfinite(values).all(axis=1) & (np.abs(times_s) < LARGEST_S)
    kept[kept] = np.append(True, np.diff(times_s[kept]) > 0) if kept.any() else True
    if n_lost := int((~kept).sum()):
        warnings.append(
            f"samples of {found.name} without a value or a valid time, left out: {n_lost:,}"
        )
    times_s, values = times_s[kept], values[kept]
    if found.is_position and len(values) > 2:
        values = np.gradient(values, times_s, axis=0)
        warnings.append(f"velocity is the derivative of {found.name}")
    return Movement(found.name, times_s, values, tuple(warnings))


def _in_cm(found: Found) -> tuple[FloatArray, list[str]]:
    """Return the values of x and y in cm or cm/s, and warnings."""
    columns = [_columns(one, found.is_position) for one in found.series]
    if len({len(each) for each in columns}) > 1:
        raise SessionError(f"{found.name} differ in their number of samples: expected one of each")
    unit = str(found.series[0].unit)
    warnings = []
    if cm_per_unit(unit) is None:
        assumed = "cm" if found.is_position else "cm/s"
        warnings.append(f"unit '{unit}' of {found.name} is unknown: assumed to be {assumed}")
    return np.concatenate(columns, axis=1)[:, :2], warnings


def _columns(series: TimeSeries, is_position: bool) -> FloatArray:
    """Return the values of a series ``(sample, 1 to 3)`` in cm or cm/s, as far as is known."""
    values = np.asarray(series.data[:], dtype=np.float64).reshape(len(series.data), -1)
    to_cm = cm_per_unit(str(series.unit)) or 1.0
    scale = to_cm * (series.conversion or 1.0)
    # Our own files hold cm/s with a conversion to m/s: not a bit of them may change.
    values = values if abs(scale - 1.0) < 1e-12 else values * scale
    # A shift of all positions is no movement.
    return values if is_position or not series.offset else values + series.offset * to_cm


def _sample_times_s(series: TimeSeries, n_samples: int) -> FloatArray:
    """Return the time of each sample in s."""
    if series.timestamps is None:
        times: FloatArray = series.starting_time + np.arange(n_samples) / series.rate
        return times
    times_s = seconds(series.timestamps, f"timestamps of {series.name}")
    if times_s.shape != (n_samples,):
        raise SessionError(
            f"{series.name} has {n_samples} samples but timestamps {times_s.shape}: expected "
            "one per sample"
        )
    return times_s
