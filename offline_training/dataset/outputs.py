"""Bring outputs of any unit to a common scale, and tell movement from rest."""

from dataclasses import dataclass, replace

import numpy as np

from rt_ner.core.arrays import BoolArray, FloatArray
from rt_ner.core.contract.outputs import Output
from rt_ner.offline.classes.hop_classes import DIRECTION, MOVEMENT, HopClasses
from rt_ner.offline.labels import Labels, is_fast

# The spread of a reach's velocity in cm/s. Outputs in other units are brought to it, so that the
# settings of the label distance keep their sense.
_USUAL_SPREAD = 10.0
# Outputs that vary less are constant but for rounding.
_CONSTANT = 1e-12


@dataclass(frozen=True, eq=False)
class OutputScale:
    """A map of outputs to unit variance and back: value = ``mean`` + ``spread`` · standard."""

    mean: FloatArray
    spread: FloatArray

    def to_standard(self, values: FloatArray) -> FloatArray:
        """Return outputs ``(hop, output)`` in units of their spread."""
        standard: FloatArray = (values - self.mean) / self.spread
        return standard

    def to_values(self, standard: FloatArray) -> FloatArray:
        """Return outputs in their own units."""
        values: FloatArray = standard * self.spread + self.mean
        return values


def output_scale(labels: Labels) -> OutputScale:
    """Return the scale of some labels.

    Velocities in one unit share their spread and keep their zero, which is rest. Other outputs have
    a mean and a spread of their own.
    """
    values = labels.values
    if _are_like_velocities(labels):
        return OutputScale(np.zeros(values.shape[1]), np.full(values.shape[1], values.std()))
    spread = values.std(axis=0)
    return OutputScale(values.mean(axis=0), np.where(spread > _CONSTANT, spread, 1.0))


def ranked_values(labels: Labels) -> FloatArray:
    """Return the values ``(hop, output)`` whose distances rank labels: velocities in cm/s as is."""
    if _are_like_velocities(labels) and labels.outputs[0].unit == "cm/s":
        return labels.values
    scaled: FloatArray = _USUAL_SPREAD * output_scale(labels).to_standard(labels.values)
    return scaled


def with_classes_taught(labels: Labels, classes: HopClasses) -> Labels:
    """Return labels with an output more for each class of a column but the first, which is rest.

    An encoder that is taught the movement alone learns to ignore what else the neurons tell. Each
    class is one more axis, with the spread of the movement. Directions and movement add nothing.
    """
    if classes.of in (DIRECTION, MOVEMENT):
        return labels
    assert labels.classes is not None
    is_class = labels.classes[:, None] == np.array(classes.names[1:])
    spread = is_class.std(axis=0)
    scale = labels.values.std() / np.where(spread > _CONSTANT, spread, 1.0)
    first = labels.outputs[0]
    added = tuple(first._replace(name=f"{classes.of} {name}") for name in classes.names[1:])
    values = np.concatenate([labels.values, is_class * scale], axis=1)
    return replace(labels, values=values, outputs=(*labels.outputs, *added))


def _are_like_velocities(labels: Labels) -> bool:
    """Return True if all outputs are velocities in one unit."""
    return len({(output.kind, output.unit) for output in labels.outputs}) == 1 and (
        labels.outputs[0].is_rate
    )


def is_moving(values: FloatArray, outputs: tuple[Output, ...], steps: int) -> BoolArray:
    """Return a mask ``(hop,)`` of the hops in which the subject moves.

    A velocity is movement itself. For other outputs, movement is the change from ``steps`` hops
    before to ``steps`` hops after.
    """
    is_rate = np.array([output.is_rate for output in outputs])
    return is_fast(np.where(is_rate, values, _changes(values, steps)))


def _changes(values: FloatArray, steps: int) -> FloatArray:
    """Return how much values change from so many hops before each to as many after it."""
    padded = np.pad(values, ((steps, steps), (0, 0)), mode="edge")
    changes: FloatArray = padded[2 * steps :] - padded[: -2 * steps]
    return changes
