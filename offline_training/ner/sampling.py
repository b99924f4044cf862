"""Draw anchors, and partners whose labels are close, by CEBRA's time-delta scheme."""

import numpy as np
from scipy.spatial import cKDTree

from offline_training.dataset.adequacy import balanced_chances
from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.errors import SessionError
from rt_ner.offline.labels import Labels


class PartnerSampler:
    """A sampler of anchors, each with a partner whose velocity the anchor might have next.

    A change of velocity over ``step_ns``, drawn from those observed, is added to the anchor's
    velocity; the labelled hop with the nearest velocity is its partner (Schneider, Lee & Mathis
    2023). Where some directions are much rarer than others, all are drawn equally often.
    """

    def __init__(self, labels: Labels, step_ns: int, rng: np.random.Generator) -> None:
        self._velocity_cm_s = labels.velocity_cm_s
        self._steps_cm_s = _observed_steps(labels, step_ns)
        self._tree = cKDTree(labels.velocity_cm_s)
        self._chances = balanced_chances(labels)
        self._rng = rng

    def draw(self, n_anchors: int) -> tuple[Int64Array, Int64Array]:
        """Draw rows of anchors and of their partners, ``(n_anchors,)`` each."""
        n_hops = len(self._velocity_cm_s)
        anchors = self._rng.choice(n_hops, size=n_anchors, p=self._chances)
        steps = self._rng.integers(len(self._steps_cm_s), size=n_anchors)
        wanted = self._velocity_cm_s[anchors] + self._steps_cm_s[steps]
        return anchors, np.asarray(self._tree.query(wanted)[1], dtype=np.int64)


def rows_a_step_apart(labels: Labels, step_ns: int) -> tuple[Int64Array, Int64Array]:
    """Return rows of hops, and of the hops ``step_ns`` later in the same trial."""
    later = np.searchsorted(labels.end_ns, labels.end_ns + step_ns).clip(0, len(labels) - 1)
    follows = labels.end_ns[later] == labels.end_ns + step_ns
    follows &= labels.trial[later] == labels.trial
    if not follows.any():
        raise SessionError(
            f"no two kinematics samples lie {step_ns / 1e6:g} ms apart within a trial: record a "
            "longer session, or choose a shorter bin"
        )
    return np.flatnonzero(follows), later[follows]


def _observed_steps(labels: Labels, step_ns: int) -> FloatArray:
    """Return the changes of velocity ``(change, 2)`` over ``step_ns`` within trials."""
    earlier, later = rows_a_step_apart(labels, step_ns)
    steps: FloatArray = labels.velocity_cm_s[later] - labels.velocity_cm_s[earlier]
    return steps
