"""Receive spikes from memory, on a clock that moves only when asked to: a loop without a network.

Everything that can happen in a rig is planned as a `Happening` at a time on that clock: chunks
arrive, the source goes and another appears, the process is paused, the operator gives a command.
The same plan gives the same results, bit for bit, however slow the computer is.
"""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from rt_ner.core.clock import FOREVER_NS, NS_PER_S, ns_from_s
from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.core.errors import SourceAbsentError, SourceLostError
from rt_ner.decoding.binning.binner import SpikeBinner
from rt_ner.decoding.chunks import EventChunk, SingleChunk
from rt_ner.decoding.input.spike_stream import SpikeStream


class Appear(NamedTuple):
    """The appearance of a source, in place of any before."""

    stream: SpikeStream
    source_id: str = "memory/spikes"


class Vanish(NamedTuple):
    """The loss of the source. Its connection ends at once, or stays open and silent."""

    connection_ends: bool = True


class Pause(NamedTuple):
    """A pause of the whole process, as when a computer sleeps."""

    duration_ns: int


Happening: TypeAlias = SingleChunk | Appear | Vanish | Pause | Callable[[], object]


class MemoryClock:
    """A clock that moves only when asked to."""

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        """Return the present, in ns."""
        return self._now_ns

    def sleep(self, seconds: float) -> None:
        """Move on by some seconds."""
        self.move_to(self._now_ns + ns_from_s(seconds))

    def move_to(self, time_ns: int) -> None:
        """Move on to a time, never back."""
        self._now_ns = max(self._now_ns, time_ns)


class MemorySource:
    """A source whose chunks come from a plan."""

    def __init__(self, spikes: "MemorySpikes", source: Appear) -> None:
        self._spikes = spikes
        self._appeared = source
        self._binner: SpikeBinner[Any] | None = None
        self.source_id = source.source_id
        self.stream = source.stream
        self.arrived_ns = 0
        self.is_drained = True

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the numbers, as sent."""
        return self.stream.dtype

    def open(self, binner: SpikeBinner[Any], step_ns: int) -> None:  # noqa: ARG002 - one clock
        """Begin to queue chunks; drop those that came before."""
        self._binner = binner
        self._spikes.waiting.clear()

    def pull(self, timeout_s: float) -> SingleChunk | None:
        """Return the oldest waiting chunk, after a wait if need be; None if none comes."""
        spikes = self._spikes
        if not spikes.waiting:
            spikes.wait(ns_from_s(timeout_s))
        self.arrived_ns = spikes.clock.now_ns()
        if spikes.present is not self._appeared and spikes.connection_ended:
            self.flush()
            raise SourceLostError("the source has gone")
        chunk = spikes.waiting.popleft() if spikes.waiting else self._silence()
        self.is_drained = not spikes.waiting
        if isinstance(chunk, EventChunk):
            return chunk._replace(arrived_ns=self.arrived_ns, complete=self.is_drained)
        return chunk and chunk._replace(arrived_ns=self.arrived_ns)

    def _silence(self) -> SingleChunk | None:
        """Return an empty chunk where silence is data."""
        if self.stream.rate_hz > 0:
            return None
        return EventChunk(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))

    def empty_chunk(self) -> SingleChunk | None:
        """Return None, because no caches need warming."""
        return None

    def n_waiting(self) -> int:
        """Return the number of samples that have arrived and were not pulled yet."""
        return sum(len(chunk[0]) for chunk in self._spikes.waiting)

    def flush(self) -> None:
        """Throw away all waiting samples, and count them as skipped."""
        if self._binner:
            self._binner.input_counts[InputCounts.SKIPPED] += self.n_waiting()
        self._spikes.waiting.clear()


class MemoryPlan:
    """Everything that is to happen on a clock, at one port or at several.

    ``stop`` is called when the plan is over and a port still waits.
    """

    def __init__(self, clock: MemoryClock, stop: Callable[[], None]) -> None:
        self._steps: deque[tuple[int, Callable[[], None]]] = deque()
        self._stop = stop
        self.clock = clock

    def add(self, steps: Sequence[tuple[int, Callable[[], None]]]) -> None:
        """Add steps: pairs of a time in ns and the function to call at that time."""
        self._steps = deque(sorted([*self._steps, *steps], key=lambda step: step[0]))

    def wait(self, longest_ns: int) -> None:
        """Move on to the next step, but by no more than ``longest_ns``."""
        until_ns = self.clock.now_ns() + longest_ns
        if not self._steps:
            self.clock.move_to(until_ns)
            self._stop()
            return
        self.clock.move_to(min(self._steps[0][0], until_ns))
        while self._steps and self._steps[0][0] <= self.clock.now_ns():
            self._steps.popleft()[1]()


class MemorySpikes:
    """The spikes port in memory: sources and their chunks come and go by a plan.

    ``plan``: all that is to happen. ``present``: the source that is there now. ``waiting``: chunks
    that arrived and were not pulled yet.
    """

    def __init__(self, plan: MemoryPlan, search_ns: int = NS_PER_S // 4) -> None:
        self.plan = plan
        self._search_ns = search_ns
        self._pinned: str | None = None
        self._connected: Appear | None = None
        self.clock = plan.clock
        self.present: Appear | None = None
        self.connection_ended = False
        self.waiting: deque[SingleChunk] = deque()

    def follow(self, plan: Sequence[tuple[int, Happening]]) -> None:
        """Take a plan: pairs of a time in ns and the happening at that time."""
        self.plan.add([(time_ns, partial(self._happen, what)) for time_ns, what in plan])

    def wait(self, longest_ns: int) -> None:
        """Move on to the next happening, but by no more than ``longest_ns``."""
        self.plan.wait(longest_ns)

    def _happen(self, what: Happening) -> None:
        if isinstance(what, Appear):
            self.connection_ended = self.connection_ended or self.present is not None
            self.present = what
        elif isinstance(what, Vanish):
            self.present, self.connection_ended = None, what.connection_ends
        elif isinstance(what, Pause):
            self.clock.move_to(self.clock.now_ns() + what.duration_ns)
        elif isinstance(what, tuple):
            self.waiting.append(what)
        else:
            what()

    def find(
        self, wait_s: float, is_stopped: Callable[[], bool], note: Callable[[str], None]
    ) -> MemorySource | None:
        """Return the source once it is there; StreamError if it does not appear in time."""
        wait_ns = FOREVER_NS if wait_s * NS_PER_S > FOREVER_NS else ns_from_s(wait_s)
        deadline_ns = self.clock.now_ns() + wait_ns
        while not is_stopped():
            if self.present and self._pinned in (None, self.present.source_id):
                return MemorySource(self, self.present)
            if self.clock.now_ns() >= deadline_ns:
                raise SourceAbsentError(f"no spike stream within {wait_s:g} s, by the plan")
            note("no spike stream yet")
            self.wait(self._search_ns)
        return None

    def pin(self, source: object) -> None:
        """Find this very source alone from now on."""
        assert isinstance(source, MemorySource)
        self._pinned, self._connected = source.source_id, self.present
        self.connection_ended = False

    @property
    def source_came_back(self) -> bool:
        """True if the pinned source is back, so that its old connection is dead."""
        return self.present is not self._connected and self.present is not None

    def wait_for_others(self, is_stopped: Callable[[], bool]) -> None:
        """Wait until another source is there than now, or until stopped."""
        others_appeared = self.watch_for_others(is_stopped)
        while not is_stopped():
            if others_appeared():
                return

    def watch_for_others(
        self,
        is_stopped: Callable[[], bool],  # noqa: ARG002 - no search has to settle
    ) -> Callable[[], bool]:
        """Return a function that is True once another source is there than now."""
        refused = self.present

        def has_appeared() -> bool:
            self.wait(self._search_ns)
            return self.present is not None and self.present is not refused

        return has_appeared

    def close(self) -> None:
        """Do nothing, so that everything can still be inspected."""
