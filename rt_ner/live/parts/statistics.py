"""Keep the statistics of a run of the loop, which any thread may read."""

from typing import Any

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.contract.input_counts import (
    InputCounts,
    are_many,
    empty_input_counts,
    losses,
    named_counts,
    part_lost,
    remedies,
)
from rt_ner.decoding.binning.binner import SpikeBinner
from rt_ner.decoding.joining.joined_binner import JoinedBinner
from rt_ner.decoding.timing.timed_events import TimedEvents

_N_REMEMBERED = 100_000


class LoopStatistics:
    """The counts of hops and input, and the newest steps and latencies.

    Attributes
    ----------
    n_decoded
        Hops decoded.
    n_missed
        Velocities that left more than a hop after their data arrived.
    n_nonfinite, n_clamped
        Velocities set to zero because they were not finite, and slowed because they were too fast.
    n_passed_over
        Hops left undecoded, to catch up.
    n_gaps
        Times that the history began anew, because hops were missing.
    n_connections, n_overloads
        Connections to the source, and overloads of the decoder.
    input_counts
        Counts that account for all input, ``(len(InputCounts),)``.
    source_counts
        The same for each of several sources, by source_id; empty if there is only one.

    """

    def __init__(self) -> None:
        self.n_decoded = 0
        self.n_missed = 0
        self.n_nonfinite = 0
        self.n_clamped = 0
        self.n_passed_over = 0
        self.n_gaps = 0
        self.n_connections = 0
        self.n_overloads = 0
        self.input_counts: Int64Array = empty_input_counts()
        self.source_counts: dict[str, Int64Array] = {}
        self._n_clock_steps = 0
        self._smooths = self._has_events = False
        self._gaps_looked_at = 0
        self._looked_at: Int64Array = empty_input_counts()
        # Filled, so that all their memory is taken at the start.
        self._step_ns = np.full(_N_REMEMBERED, -1, dtype=np.int64)
        self._latency_ns = np.full(_N_REMEMBERED, -1, dtype=np.int64)

    def count_input_of(self, binner: SpikeBinner[Any]) -> None:
        """Take the input counts of a binner, which it goes on counting."""
        self.input_counts = binner.input_counts
        self._has_events = isinstance(binner, TimedEvents)
        if isinstance(binner, JoinedBinner):
            self._has_events = any(isinstance(each.binner, TimedEvents) for each in binner.sources)
            self.source_counts = {
                source.name.source_id: source.binner.input_counts for source in binner.sources
            }

    def add_hop(self, step_ns: int, latency_ns: int) -> None:
        """Count a decoded hop.

        ``step_ns``: from bin closed to velocity ready; ``latency_ns``: from data arrived to
        velocity pushed.
        """
        slot = self.n_decoded % _N_REMEMBERED
        self._step_ns[slot] = step_ns
        self._latency_ns[slot] = latency_ns
        self.n_decoded += 1

    def step_us(self) -> FloatArray:
        """Return the durations of the newest steps, in microseconds."""
        return self._step_ns[: min(self.n_decoded, _N_REMEMBERED)] / 1e3

    def newest_latencies_us(self, n: int) -> list[float]:
        """Return the newest ``n`` latencies in microseconds, sorted."""
        slots = range(self.n_decoded - min(n, self.n_decoded), self.n_decoded)
        return sorted(int(self._latency_ns[slot % _N_REMEMBERED]) / 1e3 for slot in slots)

    @property
    def n_alive(self) -> int:
        """Number of samples that are signs of life: they came in time, decodable or not."""
        alive = self.input_counts[InputCounts.USED] + self.input_counts[InputCounts.UNDECODABLE]
        return int(alive)

    def timing_counts(self) -> list[int]:
        """Return the counts of a row of `TIMING_LABELS`, in its order."""
        hops = (self.n_missed, self.n_nonfinite, self.n_clamped, self.n_passed_over)
        return [*self.input_counts.tolist(), *hops]

    def new_clock_step(self) -> int:
        """Return the number of the newest clock step; 0 if there was none since the last call."""
        steps = int(self.input_counts[InputCounts.CLOCK_STEPS])
        if steps == self._n_clock_steps:
            return 0
        self._n_clock_steps = steps
        return steps

    def has_begun_to_smooth(self) -> bool:
        """Return True once: when the first samples were smoothed."""
        begins = not self._smooths and self.input_counts[InputCounts.SMOOTHED] > 0
        self._smooths = self._smooths or bool(begins)
        return bool(begins)

    def new_losses(self) -> str:
        """Return a notice of the newest losses if they are many or made gaps; else empty."""
        new, self._looked_at = self.input_counts - self._looked_at, self.input_counts.copy()
        n_gaps, self._gaps_looked_at = self.n_gaps - self._gaps_looked_at, self.n_gaps
        lost = losses(new)
        has_gaps = n_gaps > 0 and not new[InputCounts.CLOCK_STEPS]
        if not (has_gaps or are_many(new)):
            return ""
        named = named_counts(lost) or "none"
        parts = [f"{part_lost(new):.1%} of the newest input could not be used: {named}"]
        if has_gaps:
            parts.append(f"gaps of whole hops: {n_gaps}, after each the history fills anew")
        if remedy := remedies(lost, self._has_events):
            parts.append(remedy)
        return f"losses: {'; '.join(parts)}"

    def counts(self) -> dict[str, int]:
        """Return all counts by name."""
        hops = {
            "decoded": self.n_decoded,
            "missed": self.n_missed,
            "nonfinite": self.n_nonfinite,
            "clamped": self.n_clamped,
            "passed_over": self.n_passed_over,
            "overloads": self.n_overloads,
            "connections": self.n_connections,
        }
        return hops | _by_name(self.input_counts)

    def counts_by_source(self) -> dict[str, dict[str, int]]:
        """Return the input counts of each of several sources, by source_id."""
        return {source: _by_name(counts) for source, counts in self.source_counts.items()}


def _by_name(input_counts: Int64Array) -> dict[str, int]:
    return {what.name.lower(): int(input_counts[what]) for what in InputCounts}
