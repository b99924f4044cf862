"""Trials of a session: reaches in recorded order, or blocks of a continuous recording."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.errors import SessionError

# A decoder can't be trained on fewer trials; those held out for testing come on top.
FEWEST_TRAINING_TRIALS = 4
# Of several recordings, only trials of the last one are held out if those are at least so many.
_ENOUGH_HELD_OUT = 20
# A continuous recording is cut into so many blocks or more, of this length at most.
_FEWEST_BLOCKS, _LONGEST_BLOCK_NS = 20, 10 * NS_PER_S


@dataclass(frozen=True, eq=False)
class Trials:
    """Reaches in recorded order, or blocks. A trial is the interval ``(start_ns, end_ns]``.

    Parameters
    ----------
    start_ns, go_ns, end_ns : ndarray of int64, shape (n_trials,)
        Start, go cue and end of each trial in ns since the session's start.
    direction_deg : ndarray of float64, shape (n_trials,)
        Direction of each reach in degrees, counterclockwise from the x axis.
    target_cm : ndarray of float64, shape (n_trials, 2)
        Position of each target, or end point of each reach where the target is unknown, in cm.
    are_blocks : bool
        True if the recording is continuous and was only cut, by `blocks_of`: direction and target
        are NaN then, and movement goes on from one block to the next.

    Raises
    ------
    SessionError
        If the arrays differ in length, trials overlap, or a direction is NaN.

    """

    start_ns: Int64Array
    go_ns: Int64Array
    end_ns: Int64Array
    direction_deg: FloatArray
    target_cm: FloatArray
    are_blocks: bool = False

    def __post_init__(self) -> None:
        lengths = {name: len(values) for name, values in self._arrays().items()}
        if len(set(lengths.values())) > 1:
            raise SessionError(
                f"the arrays of the trials differ in length: {lengths}; give one value per trial"
            )
        if np.any(self.end_ns <= self.start_ns) or np.any(self.start_ns[1:] < self.end_ns[:-1]):
            raise SessionError(
                "trials overlap or end before they start: put them into recorded order"
            )
        if not (self.are_blocks or np.isfinite(self.direction_deg).all()):
            raise SessionError("a trial's direction is NaN: every trial needs one in degrees")

    def __len__(self) -> int:
        return self.start_ns.size

    @property
    def n_in_words(self) -> str:
        """The number of trials or blocks with its noun, such as ``24 trials``."""
        return f"{len(self)} {'blocks' if self.are_blocks else 'trials'}"

    def __repr__(self) -> str:
        end_s = self.end_ns[-1] / NS_PER_S if len(self) else 0.0
        if self.are_blocks:
            return f"<Trials: {len(self)} blocks of a continuous recording, {end_s:.0f} s>"
        return f"<Trials: {len(self)} reaches in {self.n_directions} directions, {end_s:.0f} s>"

    def _arrays(self) -> dict[str, Int64Array | FloatArray]:
        return {name: value for name, value in vars(self).items() if name != "are_blocks"}

    def hashed(self) -> Iterator[bytes]:
        """Yield everything that tells these trials from others."""
        for values in self._arrays().values():
            yield values.tobytes()
        if self.are_blocks:
            yield b"blocks"

    @property
    def n_directions(self) -> int:
        """Number of different directions; 0 for blocks, which have none."""
        return int(np.unique(self.direction_deg[np.isfinite(self.direction_deg)]).size)

    def index_at(self, time_ns: Int64Array) -> Int64Array:
        """Return the index of the trial that each time falls into, -1 between trials."""
        trial = np.searchsorted(self.end_ns, time_ns).clip(0, len(self) - 1)
        inside = (time_ns > self.start_ns[trial]) & (time_ns <= self.end_ns[trial])
        return np.where(inside, trial, -1).astype(np.int64)

    def n_train(self, held_out: float, n_last: int | None = None) -> int:
        """Return the number of training trials, which come before the held-out trials.

        Parameters
        ----------
        held_out : float
            Fraction of the trials to hold out for testing, from 0 to 1.
        n_last : int, optional
            Number of trials in the last of several recordings. That fraction of them is held out
            or, if that is fewer than 20, the last 20 trials, but no more than that fraction of all
            trials. Default: there is one recording.

        Returns
        -------
        int
            Number of training trials. Both parts keep at least one trial.

        Raises
        ------
        SessionError
            If there are fewer than two trials.

        """
        if len(self) < 2:
            raise SessionError(
                f"{len(self)} trial(s): at least 2 are needed, one to train on and one to hold out"
            )
        n_of_all = len(self) - int((1.0 - held_out) * len(self) + 1e-9)
        n_of_last = n_of_all if n_last is None else n_last - int((1.0 - held_out) * n_last + 1e-9)
        n_test = max(n_of_last, min(n_of_all, _ENOUGH_HELD_OUT))
        return min(max(len(self) - n_test, 1), len(self) - 1)


def blocks_of(begin_ns: int, end_ns: int) -> Trials:
    """Cut a continuous recording into blocks that follow one another.

    Parameters
    ----------
    begin_ns, end_ns : int
        Start and end of the recording in ns since the session's start.

    Returns
    -------
    Trials
        Twenty blocks or more, of 10 s each at most.

    """
    n_blocks = max(_FEWEST_BLOCKS, -(-(end_ns - begin_ns) // _LONGEST_BLOCK_NS))
    edges_ns = np.linspace(begin_ns, end_ns, n_blocks + 1).astype(np.int64)
    unknown = np.full(n_blocks, np.nan)
    return Trials(
        start_ns=edges_ns[:-1],
        go_ns=edges_ns[:-1],
        end_ns=edges_ns[1:],
        direction_deg=unknown,
        target_cm=np.stack([unknown, unknown], axis=1),
        are_blocks=True,
    )


# Stands for trials that are not known: a session cuts itself into blocks.
_NO_TIMES = np.zeros(0, dtype=np.int64)
UNCUT = Trials(_NO_TIMES, _NO_TIMES, _NO_TIMES, np.zeros(0), np.zeros((0, 2)))
