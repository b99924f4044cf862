"""The two ports of the loop, spikes in and results out, and the clock that it lives by."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, Protocol

import numpy as np

from rt_ner.core.arrays import Float32Array
from rt_ner.decoding.binning.binner import SpikeBinner
from rt_ner.decoding.chunks import Chunk, Decoded
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.live.states import State


class Clock(Protocol):
    """The time that all stamps of the loop are in."""

    def now_ns(self) -> int:
        """Return the present."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let others run for a while."""
        ...


class SpikeSource(Protocol):
    """One source of spikes that was found, and is read once it is open.

    ``stream``: the shape of its chunks. ``dtype``: of its numbers, as sent. ``arrived_ns``: when
    the newest chunk was pulled. ``is_drained``: True if the newest pull took all that waited.
    """

    source_id: str
    stream: SpikeStream
    arrived_ns: int
    is_drained: bool

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the numbers, as sent."""
        ...

    def open(self, binner: SpikeBinner[Any], step_ns: int) -> None:
        """Begin to queue chunks for ``binner``, whose input counts take losses and clock steps."""
        ...

    def pull(self, timeout_s: float) -> Chunk | None:
        """Return all that waits; None if nothing comes in time. SourceLostError at its end."""
        ...

    def empty_chunk(self) -> Chunk | None:
        """Return a chunk without samples, to warm the caches; None where that would mean something.

        For events silence is data.
        """
        ...

    def n_waiting(self) -> int:
        """Return how many samples have arrived and were not pulled yet."""
        ...

    def flush(self) -> None:
        """Throw away all that waits, and count it."""
        ...


class SpikesIn(Protocol):
    """Where sources of spikes are found."""

    def find(
        self, wait_s: float, is_stopped: Callable[[], bool], note: Callable[[str], None]
    ) -> SpikeSource | None:
        """Return the one source that is wanted; None if stopped meanwhile.

        ``note`` hears what is waited for. StreamError if none appears in time, or several match.
        """
        ...

    def pin(self, source: SpikeSource) -> None:
        """From now on find this very source alone, should it go and come back."""
        ...

    @property
    def source_came_back(self) -> bool:
        """True if the pinned source is there anew, so that the connection to it is dead."""
        ...

    def wait_for_others(self, is_stopped: Callable[[], bool]) -> None:
        """Return once other sources are on offer than now, or when stopped."""
        ...

    def close(self) -> None:
        """Look no longer."""
        ...


class ResultsOut(Protocol):
    """Where results go. No call may wait for whoever reads them."""

    def announce_counts(self, source_id: str) -> None:
        """Open the stream of counts, once it is known whose spikes are counted."""
        ...

    def push_velocity(self, velocity_cm_s: Float32Array, stamp_ns: int) -> None:
        """Send the velocity of a hop: first, because the cursor waits for it."""
        ...

    def push_latent(self, decoded: Decoded) -> None:
        """Send the latent of a hop."""
        ...

    def push_timing(self, end_ns: int, values: Sequence[float]) -> None:
        """Send a row of `TIMING_LABELS`."""
        ...

    def push_counts(self, end_ns: int, counts: Float32Array) -> None:
        """Send the spikes of a hop, ``(channel,)`` in the bundle's order."""
        ...

    def push_state(self, state: State, stamp_ns: int) -> None:
        """Send a change of state."""
        ...

    def push_notice(self, notice: str) -> None:
        """Send a sentence for the operator."""
        ...

    def warm_caches(self, velocity_cm_s: Float32Array) -> None:
        """Do all of `push_velocity` but the sending."""
        ...

    def close(self) -> None:
        """Let what was pushed last leave, then close."""
        ...


def _in_a_thread(work: Callable[[], None]) -> None:
    Thread(target=work, daemon=True).start()


@dataclass(frozen=True)
class Ports:
    """All that connects a loop with its surroundings.

    ``alarms``: append what the operator must hear, from any thread. ``in_background`` does some
    work that the loop must not wait for.
    """

    spikes: SpikesIn
    results: ResultsOut
    clock: Clock
    alarms: deque[str] = field(default_factory=deque)
    in_background: Callable[[Callable[[], None]], None] = _in_a_thread

    def close(self) -> None:
        """Close both ends."""
        self.spikes.close()
        self.results.close()
