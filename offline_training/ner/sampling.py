"""Draw anchors, and partners whose labels are close, by CEBRA's time-delta scheme."""

import numpy as np
from scipy.spatial import cKDTree

from offline_training.dataset.adequacy import balanced_chances
from offline_training.dataset.outputs import ranked_values
from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.errors import SessionError
from rt_ner.offline.labels import Labels


class PartnerSampler:
    """A sampler of anchors, each with a partner whose behaviour the anchor might have next.

    A change of the outputs over ``step_ns``, drawn from those observed, is added to the anchor's
    outputs; the labelled hop with the nearest outputs is its partner (Schneider, Lee & Mathis
    2023). Where some directions are much rarer than others, all are drawn equally often.
    """

    def __init__(self, labels: Labels, step_ns: int, rng: np.random.Generator) -> None:
        self._values = ranked_values(labels)
        self._steps = _observed_steps(self._values, labels, step_ns)
        self._tree = cKDTree(self._values)
        self._chances = balanced_chances(labels)
        self._rng = rng

    def draw(self, n_anchors: int) -> tuple[Int64Array, Int64Array]:
        """Draw rows of anchors and of their partners, ``(n_anchors,)`` each."""
        n_hops = len(self._values)
        anchors = self._rng.choice(n_hops, size=n_anchors, p=self._chances)
        steps = self._rng.integers(len(self._steps), size=n_anchors)
        wanted = self._values[anchors] + self._steps[steps]
        return anchors, np.asarray(self._tree.query(wanted)[1], dtype=np.int64)


class RowSampler:
    """A sampler of anchors and partners among some rows of a dataset."""

    def __init__(
        self, labels: Labels, rows: Int64Array, step_ns: int, rng: np.random.Generator
    ) -> None:
        chosen = np.zeros(len(labels), dtype=np.bool_)
        chosen[rows] = True
        self._rows = rows
        self._sampler = PartnerSampler(labels.where(chosen), step_ns, rng)

    def draw(self, n_anchors: int) -> tuple[Int64Array, Int64Array]:
        """Draw rows of anchors and of their partners, ``(n_anchors,)`` each."""
        anchors, partners = self._sampler.draw(n_anchors)
        return self._rows[anchors], self._rows[partners]


def rows_a_step_apart(labels: Labels, step_ns: int) -> tuple[Int64Array, Int64Array]:
    """Return rows of hops, and of the hops ``step_ns`` later in the same trial."""
    later = np.searchsorted(labels.end_ns, labels.end_ns + step_ns).clip(0, len(labels) - 1)
    follows = labels.end_ns[later] == labels.end_ns + step_ns
    follows &= labels.trial[later] == labels.trial
    if not follows.any():
        raise SessionError(
            f"no two samples of behaviour lie {step_ns / 1e6:g} ms apart within a trial: record a "
            "longer session, or choose a shorter bin"
        )
    return np.flatnonzero(follows), later[follows]


def _observed_steps(values: FloatArray, labels: Labels, step_ns: int) -> FloatArray:
    """Return the changes of values ``(change, output)`` over ``step_ns`` within trials."""
    earlier, later = rows_a_step_apart(labels, step_ns)
    steps: FloatArray = values[later] - values[earlier]
    return steps
