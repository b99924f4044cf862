"""Behaviour during a session: the movement, force or other quantity that is to be decoded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rt_ner.core.arrays import BoolArray, FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.outputs import VELOCITY_XY, Output, names_of, outputs_problem
from rt_ner.core.errors import SessionError

# A longer interval between two samples, in usual intervals, is a gap.
_LONGEST_INTERVAL = 2


@dataclass(frozen=True, eq=False)
class Behaviour:
    """Continuous behaviour, such as the velocity of the hand, or the cursor's position.

    There may be gaps, between trials for example, but no NaN.

    Parameters
    ----------
    time_ns : ndarray of int64, shape (n_samples,)
        Time of each sample in ns since the session's start, strictly ascending.
    values : ndarray of float64, shape (n_samples, n_outputs)
        The outputs' values, in their units.
    outputs : tuple of Output, length n_outputs
        Name, unit and kind of each column. Default: velocity along x and y in cm/s.

    Raises
    ------
    SessionError
        If there are no samples, the shapes differ, a value is NaN or infinite, or the times are
        not in order.

    """

    time_ns: Int64Array
    values: FloatArray
    outputs: tuple[Output, ...] = VELOCITY_XY

    def __post_init__(self) -> None:
        if not self.time_ns.size:
            raise SessionError("no behaviour: a session needs the movement that is to be decoded")
        if problem := outputs_problem(self.outputs):
            raise SessionError(problem)
        names = ", ".join(names_of(self.outputs))
        expected = (self.time_ns.size, len(self.outputs))
        if self.values.shape != expected:
            raise SessionError(
                f"behaviour has shape {self.values.shape}, expected {expected}: {names} for each "
                "time stamp"
            )
        bad = np.flatnonzero(~np.isfinite(self.values).all(axis=1))
        if bad.size:
            raise SessionError(
                f"behaviour holds {bad.size} NaN or infinite samples, the first at "
                f"{self.time_ns[bad[0]] / NS_PER_S:.3f} s: remove or interpolate them first"
            )
        if np.any(np.diff(self.time_ns) <= 0):
            raise SessionError(
                "the behaviour's time stamps are not in ascending order: sort them and drop "
                "duplicates"
            )

    def __repr__(self) -> str:
        begin_s, end_s = (self.time_ns[[0, -1]] / NS_PER_S).tolist()
        names = ", ".join(names_of(self.outputs))
        return (
            f"<Behaviour {names}: {self.time_ns.size:,} samples from {begin_s:.0f} s to "
            f"{end_s:.0f} s>"
        )

    def hashed(self) -> Iterator[bytes]:
        """Yield everything that tells this behaviour from another."""
        yield self.time_ns.tobytes()
        yield self.values.tobytes()
        if self.outputs != VELOCITY_XY:
            yield repr([tuple(map(str, output)) for output in self.outputs]).encode()

    def only(self, names: Sequence[str]) -> "Behaviour":
        """Return some outputs by name, in that order.

        Raises SessionError if there is no such output.
        """
        own = names_of(self.outputs)
        if unknown := [name for name in names if name not in own]:
            raise SessionError(
                f"no output {', '.join(map(repr, unknown))}: this session holds {', '.join(own)}"
            )
        columns = [own.index(name) for name in names]
        if columns == list(range(len(own))):
            return self
        outputs = tuple(self.outputs[column] for column in columns)
        return Behaviour(self.time_ns, self.values[:, columns], outputs)

    def at(self, time_ns: Int64Array) -> tuple[FloatArray, BoolArray]:
        """Interpolate the values at other times.

        Interpolation is linear between neighbouring samples. Values are unknown before the first
        sample, after the last, and in gaps of more than twice the usual interval.

        Parameters
        ----------
        time_ns : ndarray of int64, shape (n_times,)
            Times in ns since the session's start.

        Returns
        -------
        values : ndarray of float64, shape (n_times, n_outputs)
            The outputs' values.
        known : ndarray of bool, shape (n_times,)
            True where the values are known.

        """
        own_ns = self.time_ns
        values = np.stack([np.interp(time_ns, own_ns, column) for column in self.values.T], axis=1)
        right = np.searchsorted(own_ns, time_ns).clip(0, own_ns.size - 1)
        exact = own_ns[right] == time_ns
        interval_ns = own_ns[right] - own_ns[(right - 1).clip(0)]
        usual_ns = np.median(np.diff(own_ns)) if own_ns.size > 1 else 0
        inside = (time_ns >= own_ns[0]) & (time_ns <= own_ns[-1])
        return values, exact | (inside & (interval_ns <= _LONGEST_INTERVAL * usual_ns))
