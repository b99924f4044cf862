"""Keep the closed hops of one source until those of the others are there."""

from typing import Any, NamedTuple

import numpy as np

from rt_ner.core.arrays import Float32Array, Int64Array
from rt_ner.core.clock import FOREVER_NS, NEVER_NS
from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.decoding.binning.binner import SpikeBinner
from rt_ner.decoding.input.settings import InputKind
from rt_ner.decoding.input.spike_stream import SpikeStream

# Most hops that wait, more than the largest chunk closes; beyond them the oldest is dropped.
_MOST_HOPS = 4096


class SourceName(NamedTuple):
    """The source_id of a source, and the area whose channels it sends."""

    source_id: str
    area: str

    def __str__(self) -> str:
        return f"'{self.source_id}' ({self.area})"


class SourceHops:
    """The hops of one source that wait to be joined, oldest first.

    Parameters
    ----------
    name
        The source's name.
    counted
        The binner of its chunks, and the shape of its stream.
    places
        Places of its channels among the bundle's, ``(channel,)``.
    hop_ns
        Width of a hop, in ns.

    Attributes
    ----------
    name, binner, dtype
        Its name, its binner and the type of its numbers, as sent.
    n
        Number of hops that wait.
    newest_end_ns
        End of the hop that was closed last, in ns.
    run_since_ns
        End of the first hop of those that followed without a gap up to the newest, in ns.
    used_from_ns
        End of the first hop that the source is needed for: `NEVER_NS`: all; `FOREVER_NS`: none,
        because it is away.
    is_absent
        True if it is not connected, so that no hop will come.

    """

    def __init__(
        self,
        name: SourceName,
        counted: tuple[SpikeBinner[Any], SpikeStream],
        places: Int64Array,
        hop_ns: int,
    ) -> None:
        self.name = name
        self.binner, stream = counted
        self.dtype = stream.dtype
        self._counts_events = stream.kind is InputKind.EVENTS
        self._places = places
        self._hop_ns = hop_ns
        self._counts = np.zeros((_MOST_HOPS, places.size), dtype=np.float32)
        self._end_ns = [NEVER_NS] * _MOST_HOPS
        self._n_used = [0] * _MOST_HOPS
        self._invalid = [False] * _MOST_HOPS
        self._first = self.n = 0
        self._n_used_before = 0
        self.newest_end_ns = self.run_since_ns = self.used_from_ns = NEVER_NS
        self.is_absent = False

    @property
    def is_away(self) -> bool:
        """True if the source is not needed, until it comes back."""
        return self.used_from_ns == FOREVER_NS

    @property
    def oldest_end_ns(self) -> int:
        """End of the oldest hop that waits, in ns."""
        return self._end_ns[self._first]

    def append(self, end_ns: int) -> None:
        """Take the hop that the binner has just closed."""
        if self.n == _MOST_HOPS:
            self.drop()
        if not self.n:
            # The same few slots, again and again, stay in the processor's caches.
            self._first = 0
        if end_ns != self.newest_end_ns + self._hop_ns:
            self.run_since_ns = end_ns
        slot = (self._first + self.n) % _MOST_HOPS
        counts = self.binner.counts
        self._counts[slot] = counts
        self._end_ns[slot] = self.newest_end_ns = end_ns
        self._invalid[slot] = self.binner.invalid
        n_used = int(self.binner.input_counts[InputCounts.USED])
        # Events of later hops are counted as used before this one closes, samples are not.
        n_new = n_used - self._n_used_before
        self._n_used[slot] = int(counts.sum()) if self._counts_events else n_new
        self._n_used_before = n_used
        self.n += 1

    def take(self, joined: Float32Array) -> bool:
        """Write the oldest hop's counts into those of all channels; return True if invalid."""
        joined[self._places] = self._counts[self._first]
        return self._invalid[self._remove()]

    def drop(self) -> None:
        """Drop the oldest hop: it can't be decoded, so nothing in it was of use."""
        n_used, input_counts = self._n_used[self._remove()], self.binner.input_counts
        input_counts[InputCounts.USED] -= n_used
        input_counts[InputCounts.UNDECODABLE] += n_used
        self._n_used_before -= n_used

    def drop_before(self, end_ns: int) -> None:
        """Drop the hops that end before a time."""
        while self.n and self.oldest_end_ns < end_ns:
            self.drop()

    def clear(self) -> None:
        """Drop all hops."""
        self.drop_before(FOREVER_NS)
        self._n_used_before = int(self.binner.input_counts[InputCounts.USED])
        self.newest_end_ns = NEVER_NS

    def _remove(self) -> int:
        """Remove the oldest hop, and return its slot."""
        slot = self._first
        self._first = (slot + 1) % _MOST_HOPS
        self.n -= 1
        return slot
