"""The screen of ordinary use: all targets on it, any of which may have been aimed at."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rt_ner.core.arrays import FloatArray
from rt_ner.core.errors import SessionError
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.recalibration.intention.reach_model import ReachModel
from rt_ner.recalibration.intention.target_inference import DWELL_CM, infer_targets

_EXPECTED = 'expected two or more lines "x,y" in cm, one for the centre of each target'


@dataclass(frozen=True, eq=False)
class Screen:
    """A screen and how its user reaches.

    Attributes
    ----------
    targets_cm
        ``(target, 2)``, x and y of the centre of each target, in cm.
    reach_model
        The model of how the subject reaches.

    """

    targets_cm: FloatArray
    reach_model: ReachModel

    def aimed(self, block: ClosedLoopBlock) -> ClosedLoopBlock:
        """Return a block with the targets at which the subject must have aimed."""
        return infer_targets(block, self.targets_cm, self.reach_model)

    def n_visits(self, cursor_cm: FloatArray) -> int:
        """Return how often a cursor ``(time, 2)`` came to another target than before.

        That is about the number of reaches, without the work of inferring them.
        """
        away_cm = np.linalg.norm(cursor_cm[:, None] - self.targets_cm, axis=2)
        visited = away_cm.argmin(axis=1)[away_cm.min(axis=1) <= DWELL_CM]
        return int((np.diff(visited) != 0).sum()) + 1 if visited.size else 0


def load_screen(path: Path) -> FloatArray:
    """Read the targets on a screen ``(target, 2)`` in cm, one per line of a text file.

    Lines that begin with ``#`` are comments. SessionError if the file holds no such list.
    """
    try:
        targets_cm = np.loadtxt(path, delimiter=",", ndmin=2)
    except (OSError, ValueError) as error:
        raise SessionError(f"{path} is not a list of targets ({error}): {_EXPECTED}") from error
    if targets_cm.shape[1:] != (2,) or len(targets_cm) < 2 or not np.isfinite(targets_cm).all():
        raise SessionError(
            f"{path} is not a list of targets ({len(targets_cm)} lines of "
            f"{targets_cm.shape[1]} numbers): {_EXPECTED}"
        )
    return targets_cm
