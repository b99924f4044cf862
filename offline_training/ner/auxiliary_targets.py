"""Define the auxiliary targets, which an encoder's last hidden layer must also predict."""

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.outputs import OutputKind, kind_of
from rt_ner.offline.labels import Labels

_STEPS = (-8, -4, 4, 8)
# A target with a smaller standard deviation is constant but for rounding.
_CONSTANT = 1e-9


def auxiliary_targets(labels: Labels, step_ns: int) -> FloatArray:
    """Return each hop's past and future movement as targets ``(hop, target)`` of unit variance.

    They are the outputs some steps of ``step_ns`` earlier and later, as far as the trial reaches;
    of a velocity, also the position in the trial; and the direction, if there is any. They are only
    predicted in training, and never an input.
    """
    targets = [labels.values[_rows_at(labels, steps * step_ns)] for steps in _STEPS]
    if kind_of(labels.outputs) == OutputKind.VELOCITY and not labels.are_blocks:
        targets.append(_position(labels))
    if np.isfinite(labels.direction_deg).any():
        angle = np.deg2rad(labels.direction_deg)
        targets += [np.nan_to_num(np.cos(angle)), np.nan_to_num(np.sin(angle))]
    return _standard(np.column_stack(targets))


def _standard(targets: FloatArray) -> FloatArray:
    spread = targets.std(axis=0)
    spread = np.where(spread > _CONSTANT, spread, 1.0)
    standard: FloatArray = (targets - targets.mean(axis=0)) / spread
    return standard


def _rows_at(labels: Labels, shift_ns: int) -> Int64Array:
    """Return each hop's row ``shift_ns`` later, or the last (first) row of its trial."""
    _, first, trial, hops = np.unique(
        labels.trial, return_index=True, return_inverse=True, return_counts=True
    )
    rows = np.searchsorted(labels.end_ns, labels.end_ns + shift_ns)
    clipped: Int64Array = np.clip(rows, first[trial], (first + hops - 1)[trial])
    return clipped


def _position(labels: Labels) -> FloatArray:
    """Return the position since each trial's first hop: velocity by the trapezoidal rule."""
    dt_s = np.diff(labels.end_ns, prepend=labels.end_ns[0])[:, None] / NS_PER_S
    before = np.roll(labels.values, 1, axis=0)
    within = np.diff(labels.trial, prepend=labels.trial[0])[:, None] == 0
    moved = np.where(within, 0.5 * dt_s * (labels.values + before), 0.0)
    moved[0] = 0.0
    path = np.cumsum(moved, axis=0)
    _, first, trial = np.unique(labels.trial, return_index=True, return_inverse=True)
    position: FloatArray = path - path[first[trial]]
    return position
