"""Time the samples of a regular stream before they are counted.

Even stamps pass as sent, bit for bit; uneven ones are smoothed. A stamp far from its place needs a
second witness: the next sample. This is causal and deterministic: the same samples get the same
times however they are cut into chunks, live and offline. Arrival plays no part.
"""

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import numpy as np

from rt_ner.core.arrays import Int64Array
from rt_ner.core.clock import NEVER_NS
from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.decoding.binning.binner import BinnerBefore, SpikeBinner
from rt_ner.decoding.chunks import RasterChunk, VoltageChunk
from rt_ner.decoding.input.settings import Stamps
from rt_ner.decoding.timing.kernels.line import (
    NEWEST_NS,
    OFF_SCALE,
    SCALE,
    SMOOTHS,
    forget,
    new_timing,
)
from rt_ner.decoding.timing.kernels.steps import (
    OFF_SCALE_BLOCKS,
    is_witnessed,
    note_stray,
    take,
    take_run,
)
from rt_ner.decoding.timing.timed_events import off_scale

_Chunk = TypeVar("_Chunk", RasterChunk, VoltageChunk)


class TimedBinner(BinnerBefore, Generic[_Chunk]):
    """A binner that times regular samples and leaves the counting to another.

    Parameters
    ----------
    binner
        The binner that counts the samples.
    period_ns
        Sample period, in ns.
    step_ns
        Jump of the stamps, in ns, beyond which a clock must have been set.
    stamps
        How stamps are used.

    """

    def __init__(
        self, binner: SpikeBinner[_Chunk], period_ns: float, step_ns: int, stamps: Stamps
    ) -> None:
        super().__init__(binner)
        self._step_ns = step_ns
        self._timing = new_timing(
            period_ns, stamps is not Stamps.AS_SENT, stamps is Stamps.SMOOTHED
        )
        self._time_ns = np.zeros(0, dtype=np.int64)
        self._held: _Chunk | None = None

    def restart(self, now_ns: int) -> None:
        """Forget the source's time too, for a new connection. Smoothing stays on."""
        if self._held is not None:
            self.input_counts[InputCounts.UNDECODABLE] += 1
            self._held = None
        forget(self._timing)
        self._binner.restart(now_ns)

    def warm_up_as(self, dtype: np.dtype[np.generic]) -> None:
        """Compile for samples of this type; leave no trace."""
        self._binner.warm_up_as(dtype)
        trial = new_timing(self._timing.period_ns, True, True)
        stamp_ns = np.arange(1, 3, dtype=np.int64)
        take_run(stamp_ns, 0, np.zeros(2, dtype=np.int64), trial)
        is_witnessed(take(3, trial), 4, trial)
        note_stray(1, trial)

    def push(self, chunk: _Chunk) -> Iterator[int]:
        """Time and count a chunk's samples; yield the end (ns) of each hop that it closes.

        Raises StreamError if the stamps can't be times in seconds.
        """
        stamp_ns, n_samples = chunk.stamp_ns, chunk.stamp_ns.size
        if n_samples > self._time_ns.size:
            self._time_ns = np.zeros(n_samples, dtype=np.int64)
        last = take_run(stamp_ns, 0, self._time_ns, self._timing) if self._held is None else 0
        if last == n_samples and not self._timing.state[SMOOTHS]:
            # The usual case: the chunk passes as it is.
            yield from self._binner.push(chunk)
        else:
            yield from self._push_parts(chunk, last)
        if self._timing.state[OFF_SCALE] >= OFF_SCALE_BLOCKS:
            raise off_scale(float(self._timing.line[SCALE]), "of samples")

    def _push_parts(self, chunk: _Chunk, last: int) -> Iterator[int]:
        """Count a chunk of which the first ``last`` samples are timed, and the next is far off."""
        first = 0
        while True:
            if last > first:
                yield from self._count(chunk, slice(first, last))
            if last == chunk.stamp_ns.size:
                return
            if self._held is None:
                self._held = _copied(chunk, last)
                last += 1
                if last == chunk.stamp_ns.size:
                    return
            yield from self._decide(self._held, int(chunk.stamp_ns[last]))
            first, last = last, take_run(chunk.stamp_ns, last, self._time_ns, self._timing)

    def _decide(self, held: _Chunk, next_ns: int) -> Iterator[int]:
        """Count the sample held back if the next one bears it out."""
        stamp_ns, self._held = int(held.stamp_ns[0]), None
        newest_ns = int(self._timing.state[NEWEST_NS])
        if is_witnessed(stamp_ns, next_ns, self._timing):
            self._time_ns[0] = take(stamp_ns, self._timing)
            yield from self._count(held, slice(0, 1))
            return
        note_stray(stamp_ns, self._timing)
        if newest_ns - self._step_ns <= stamp_ns < newest_ns and not self._timing.state[SMOOTHS]:
            # Late, or sent again: the binner tells which.
            yield from self._binner.push(held)
        else:
            self.input_counts[InputCounts.INVALID] += 1

    def _count(self, chunk: _Chunk, part: slice) -> Iterator[int]:
        """Count timed samples; leave out those that came while the line was not known."""
        time_ns = self._time_ns[part]
        unknown = np.flatnonzero(time_ns == NEVER_NS)
        if unknown.size:
            known = slice(part.start, part.start + int(unknown[0]))
            yield from self._binner.push(_part(chunk, known, self._time_ns[known]))
            self.input_counts[InputCounts.UNDECODABLE] += unknown.size
            self._binner.restart(0)
            part = slice(part.start + int(unknown[-1]) + 1, part.stop)
            time_ns = self._time_ns[part]
        if self._timing.state[SMOOTHS]:
            self.input_counts[InputCounts.SMOOTHED] += time_ns.size
        if time_ns.size:
            yield from self._binner.push(_part(chunk, part, time_ns))


def _part(chunk: Any, part: slice, time_ns: Int64Array) -> Any:
    """Return some samples of a chunk with other times; its arrays are reused."""
    return type(chunk)(time_ns, chunk[1][part], chunk.arrived_ns)


def _copied(chunk: Any, sample: int) -> Any:
    """Return one sample of a chunk, to be kept beyond it."""
    one = slice(sample, sample + 1)
    return type(chunk)(chunk.stamp_ns[one].copy(), chunk[1][one].copy(), chunk.arrived_ns)
