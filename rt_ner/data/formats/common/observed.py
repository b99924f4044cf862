"""Gaps of a recording, as a file tells them: stretches that are invalid, or were not observed."""

from collections.abc import Sequence

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S, ns_array_from_s
from rt_ner.data.session.gaps import NO_GAPS, union

# Before and after all that a file may hold: 30 years.
_EVER_NS = 10**18


def stretches_ns(intervals_s: FloatArray) -> Int64Array:
    """Return intervals ``(n, 2)`` in s as ns, in order and joined; empty ones are left out."""
    whole = intervals_s[np.isfinite(intervals_s).all(axis=1)]
    edges_ns = ns_array_from_s(whole.ravel()).reshape(-1, 2)
    return union([edges_ns])


def unobserved_ns(observed_s: Sequence[FloatArray]) -> tuple[Int64Array, int]:
    """Return the gaps in which no unit was observed, and the number of units observed for less.

    ``observed_s``: the intervals ``(n, 2)`` of each unit.
    """
    each_ns = [stretches_ns(intervals_s) for intervals_s in observed_s]
    ever_ns = union(each_ns)
    if not len(ever_ns):
        return NO_GAPS, 0
    covered_ns = np.diff(ever_ns).sum()
    n_less = sum(np.diff(own_ns).sum() < covered_ns - NS_PER_S for own_ns in each_ns)
    edges_ns = np.concatenate([[-_EVER_NS], ever_ns.ravel(), [_EVER_NS]])
    return edges_ns.reshape(-1, 2), int(n_less)
