"""Join the hops of several sources, all on the one global grid, into hops of all channels.

A joint hop is closed when the watermark of every source has passed its end. If a source has no
hop where the others have one, its channels were not measured. Then the history starts over, or, if
the operator chose so, the hop is decoded without that source: its channels get neutral counts.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from rt_ner.core.arrays import Float32Array
from rt_ner.core.clock import FOREVER_NS, NEVER_NS
from rt_ner.core.contract.input_counts import empty_input_counts
from rt_ner.decoding.chunks import SourceChunk
from rt_ner.decoding.joining.source_hops import SourceHops


class Absence(NamedTuple):
    """The rule by which decoding goes on without a source.

    Attributes
    ----------
    neutral_counts
        Counts of a hop that stand for channels that were not measured, ``(channel,)``.
    patience_ns
        Time in ns by which other sources must be ahead of one that sends nothing.
    history_ns
        Time in ns for which a source must send without a gap before it is used again. So a loose
        plug can't make the cursor jump.

    """

    neutral_counts: Float32Array
    patience_ns: int
    history_ns: int


class JoinedBinner:
    """A binner of the chunks of several sources, each with a binner of its own.

    A source that has gone leaves the window hop by hop, as its last counts grow old, and comes
    back into it the same way. Which hop is the first without it, and which the first with it
    again, follows from the hops' times alone, not from when they arrived.

    Parameters
    ----------
    sources
        The waiting hops of each source.
    n_channels
        Number of all channels.
    hop_ns
        Width of a hop, in ns.
    absence
        The rule by which to go on without a source; None: never.

    Attributes
    ----------
    sources
        The waiting hops of each source.
    counts
        Spikes in the hop that was closed last, ``(channel,)``; rewritten by the next one.
    input_counts
        Counts that account for all input, summed over the sources, ``(len(InputCounts),)``.
    invalid
        True if invalid input arrived in the hop that was closed last.
    is_partial
        True if neutral counts stand for a source that was left out of it.

    """

    def __init__(
        self,
        sources: Sequence[SourceHops],
        n_channels: int,
        hop_ns: int,
        absence: Absence | None = None,
    ) -> None:
        self.sources = tuple(sources)
        self._hop_ns = hop_ns
        self._absence = absence
        self._end_ns = NEVER_NS
        self.counts: Float32Array = np.zeros(n_channels, dtype=np.float32)
        self.input_counts = empty_input_counts()
        self.invalid = False
        self.is_partial = False

    @property
    def newest_ns(self) -> int:
        """Time of the newest input, in ns."""
        return max(source.binner.newest_ns for source in self.sources)

    def due_ns(self, now_ns: int) -> int:
        """Return when the first open hop ends without more input; `FOREVER_NS` if none does."""
        return min(
            (each.binner.due_ns(now_ns) for each in self.sources if not each.is_absent),
            default=FOREVER_NS,
        )

    def is_left_out(self, source: int) -> bool:
        """Return True if the newest hop was joined without a source."""
        return self.sources[source].used_from_ns > self._end_ns

    def reset(self, now_ns: int) -> None:
        """Forget the open and the waiting hops, after an outage; input goes on at ``now_ns``."""
        for source in self.sources:
            source.binner.reset(now_ns)
            source.clear()
        self._end_ns = NEVER_NS
        self.sum_up()

    def restart(self, now_ns: int) -> None:
        """Forget the sources' times too, for a new connection. The input counts stay."""
        for source in self.sources:
            source.used_from_ns = FOREVER_NS if source.is_absent else NEVER_NS
            source.binner.restart(now_ns)
            source.clear()
        self._end_ns = NEVER_NS
        self.sum_up()

    def leave(self, source: int, now_ns: int) -> None:
        """Go on without a source whose connection was lost; its closed hops are still used."""
        left = self.sources[source]
        left.is_absent = True
        left.binner.restart(now_ns)
        self.sum_up()

    def come_back(self, source: int, now_ns: int) -> None:
        """Expect the hops of a source again, over a new connection."""
        returning = self.sources[source]
        returning.is_absent, returning.used_from_ns = False, FOREVER_NS
        returning.binner.restart(now_ns)
        returning.clear()

    def sum_up(self) -> None:
        """Sum the input counts of all sources."""
        self.input_counts[:] = self.sources[0].binner.input_counts
        for source in self.sources[1:]:
            self.input_counts += source.binner.input_counts

    def warm_up_as(self, dtype: np.dtype[np.generic]) -> None:  # noqa: ARG002 - each has its own
        """Compile for what each source sends; leave no trace."""
        for source in self.sources:
            source.binner.warm_up_as(source.dtype)

    def push(self, chunk: SourceChunk) -> Iterator[int]:
        """Count a chunk's spikes; yield the end (ns) of each joint hop that it closes."""
        source = self.sources[chunk.source]
        for end_ns in source.binner.push(chunk.chunk):
            source.append(end_ns)
            self._note_return(source, end_ns)
            yield from self._closed(is_complete=False)
        if chunk.complete and self._absence:
            yield from self._closed(is_complete=True)
        self.sum_up()

    def _note_return(self, source: SourceHops, end_ns: int) -> None:
        """Plan when to use a source again that was left out, at its first hop after each gap."""
        begins = source.is_away or source.run_since_ns == end_ns
        if self._absence and begins and source.used_from_ns > end_ns:
            source.used_from_ns = end_ns + self._absence.history_ns

    def _closed(self, is_complete: bool) -> Iterator[int]:
        """Join hops for as long as no source is needed that has none; yield the end of each.

        ``is_complete``: nothing more waits to be read, so a source that lags sends nothing.
        """
        while True:
            end_ns = self._next_end_ns(is_complete)
            if end_ns == NEVER_NS:
                return
            self._join(end_ns)
            self.sum_up()
            yield end_ns

    def _join(self, end_ns: int) -> None:
        """Write the counts of all sources that are used in a hop, and neutral ones for others."""
        if self._absence:
            self.counts[:] = self._absence.neutral_counts
        self.invalid = self.is_partial = False
        for source in self.sources:
            if source.used_from_ns <= end_ns:
                self.invalid |= source.take(self.counts)
            else:
                self.is_partial = True
        self._end_ns = end_ns

    def _next_end_ns(self, is_complete: bool) -> int:
        """Return the end of the next joint hop; `NEVER_NS` if a source has yet to send its part."""
        if self._end_ns != NEVER_NS:
            end_ns = self._end_ns + self._hop_ns
            for source in self.sources:
                source.drop_before(end_ns)
            if not self._all_there(end_ns, is_complete):
                return NEVER_NS
            if self._leave_out_gaps(end_ns):
                return end_ns
            self._end_ns = NEVER_NS
        return self._first_end_ns(is_complete)

    def _all_there(self, end_ns: int, is_complete: bool) -> bool:
        """Return True if each source that is needed for a hop has this one, or has passed it."""
        for source in self.sources:
            if source.used_from_ns <= end_ns and not source.n:
                if not self._is_missing(source, end_ns, is_complete):
                    return False
                source.used_from_ns = FOREVER_NS
        return True

    def _is_missing(self, source: SourceHops, end_ns: int, is_complete: bool) -> bool:
        """Return True if a source without waiting hops is not worth waiting for any more."""
        if self._absence is None:
            return False
        known_ns = max(end_ns, source.binner.newest_ns)
        lead_ns = max(each.newest_end_ns for each in self.sources) - known_ns
        return source.is_absent or (is_complete and lead_ns >= self._absence.patience_ns)

    def _leave_out_gaps(self, end_ns: int) -> bool:
        """Leave out the sources that have a gap at a hop; return False if it can't be joined."""
        needed = [source for source in self.sources if source.used_from_ns <= end_ns]
        gaps = [source for source in needed if source.oldest_end_ns > end_ns]
        if len(gaps) == len(needed) or (gaps and self._absence is None):
            return False
        for source in gaps:
            assert self._absence
            source.used_from_ns = source.run_since_ns + self._absence.history_ns
        return True

    def _first_end_ns(self, is_complete: bool) -> int:
        """Return the end of the first hop that all sources have; the history starts with it."""
        present = [source for source in self.sources if not source.is_away]
        begun_ns = min((each.oldest_end_ns for each in present if each.n), default=FOREVER_NS)
        for source in present:
            source.used_from_ns = NEVER_NS
        if begun_ns == FOREVER_NS or not self._all_there(begun_ns, is_complete):
            return NEVER_NS
        present = [source for source in present if not source.is_away]
        while all(source.n for source in present):
            end_ns = max(source.oldest_end_ns for source in present)
            if all(source.oldest_end_ns == end_ns for source in present):
                return end_ns
            for source in present:
                source.drop_before(end_ns)
        return NEVER_NS
