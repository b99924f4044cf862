"""Debounce the probability of a click, without LSL."""

import numpy as np

from rt_ner.core.arrays import BoolArray, FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_MS, ns_from_ms
from rt_ner.task.settings import ClickSettings

# After a longer gap between two samples, nobody knows what was decided meanwhile.
_LONGEST_GAP_NS = 100 * NS_PER_MS
_NEVER_NS = -(2**62)


class ClickDebouncer:
    """Makes clicks of a probability, sample by sample; how samples are cut into chunks is all one.

    A click comes when the probability has been at least ``threshold`` for ``held_ms``, by the
    samples' stamps. It must fall below before there is another, and whatever begins within
    ``refractory_ms`` after a click is ignored until it ends. A gap in the samples ends it too, and
    NaN is below every threshold.
    """

    def __init__(self, settings: ClickSettings) -> None:
        self._threshold = settings.threshold
        self._held_ns = ns_from_ms(settings.held_ms)
        self._refractory_ns = ns_from_ms(settings.refractory_ms)
        self._newest_ns = self._clicked_ns = _NEVER_NS
        self._since_ns: int | None = None
        self._is_spent = False

    def take(self, stamps_ns: Int64Array, probability: FloatArray) -> BoolArray:
        """Take new samples ``(sample,)``, and return at which of them a click came."""
        pairs = zip(stamps_ns.tolist(), (probability >= self._threshold).tolist(), strict=True)
        return np.array([self._take(*pair) for pair in pairs], dtype=np.bool_)

    def _take(self, stamp_ns: int, is_high: bool) -> bool:
        is_gap = not 0 <= stamp_ns - self._newest_ns <= _LONGEST_GAP_NS
        self._newest_ns = stamp_ns
        if not is_high or is_gap:
            self._since_ns = None
        if not is_high:
            return False
        if self._since_ns is None:
            self._since_ns = stamp_ns
            self._is_spent = stamp_ns - self._clicked_ns < self._refractory_ns
        if self._is_spent or stamp_ns - self._since_ns < self._held_ns:
            return False
        self._clicked_ns, self._is_spent = stamp_ns, True
        return True
