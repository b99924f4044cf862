"""Velocity of the hand or cursor during a session."""

from dataclasses import dataclass

import numpy as np

from rt_ner.core.arrays import BoolArray, FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.errors import SessionError

# A longer interval between two samples, in usual intervals, is a gap.
_LONGEST_INTERVAL = 2


@dataclass(frozen=True, eq=False)
class Kinematics:
    """Velocity of the hand or cursor.

    There may be gaps, between trials for example, but no NaN.

    Parameters
    ----------
    time_ns : ndarray of int64, shape (n_samples,)
        Time of each sample in ns since the session's start, strictly ascending.
    velocity_cm_s : ndarray of float64, shape (n_samples, 2)
        Velocity along x and y in cm/s.

    Raises
    ------
    SessionError
        If there are no samples, the shapes differ, a value is NaN or infinite, or the times are
        not in order.

    """

    time_ns: Int64Array
    velocity_cm_s: FloatArray

    def __post_init__(self) -> None:
        if not self.time_ns.size:
            raise SessionError("no kinematics: a session needs the velocity that is to be decoded")
        if self.velocity_cm_s.shape != (self.time_ns.size, 2):
            raise SessionError(
                f"velocity has shape {self.velocity_cm_s.shape}, expected "
                f"({self.time_ns.size}, 2): x and y for each time stamp"
            )
        bad = np.flatnonzero(~np.isfinite(self.velocity_cm_s).all(axis=1))
        if bad.size:
            raise SessionError(
                f"kinematics hold {bad.size} NaN or infinite samples, the first at "
                f"{self.time_ns[bad[0]] / NS_PER_S:.3f} s: remove or interpolate them first"
            )
        if np.any(np.diff(self.time_ns) <= 0):
            raise SessionError(
                "the kinematics' time stamps are not in ascending order: sort them and drop "
                "duplicates"
            )

    def __repr__(self) -> str:
        begin_s, end_s = (self.time_ns[[0, -1]] / NS_PER_S).tolist()
        return f"<Kinematics: {self.time_ns.size:,} samples from {begin_s:.0f} s to {end_s:.0f} s>"

    def at(self, time_ns: Int64Array) -> tuple[FloatArray, BoolArray]:
        """Interpolate the velocity at other times.

        Interpolation is linear between neighbouring samples. Velocity is unknown before the first
        sample, after the last, and in gaps of more than twice the usual interval.

        Parameters
        ----------
        time_ns : ndarray of int64, shape (n_times,)
            Times in ns since the session's start.

        Returns
        -------
        velocity_cm_s : ndarray of float64, shape (n_times, 2)
            Velocity in cm/s.
        known : ndarray of bool, shape (n_times,)
            True where the velocity is known.

        """
        own_ns = self.time_ns
        velocity = np.stack(
            [np.interp(time_ns, own_ns, axis_cm_s) for axis_cm_s in self.velocity_cm_s.T], axis=1
        )
        right = np.searchsorted(own_ns, time_ns).clip(0, own_ns.size - 1)
        exact = own_ns[right] == time_ns
        interval_ns = own_ns[right] - own_ns[(right - 1).clip(0)]
        usual_ns = np.median(np.diff(own_ns)) if own_ns.size > 1 else 0
        inside = (time_ns >= own_ns[0]) & (time_ns <= own_ns[-1])
        return velocity, exact | (inside & (interval_ns <= _LONGEST_INTERVAL * usual_ns))
