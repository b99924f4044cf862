"""Define the loop's two ports, spikes in and results out, and its clock."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, Protocol, TypeAlias

import numpy as np

from rt_ner.core.arrays import Float32Array
from rt_ner.decoding.binning.binner import SpikeBinner
from rt_ner.decoding.chunks import Chunk, Decoded
from rt_ner.decoding.encoding.normalisation import Moments
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.decoding.joining.joined_stream import JoinedStream
from rt_ner.live.states import State


class Clock(Protocol):
    """The clock of all the loop's stamps."""

    def now_ns(self) -> int:
        """Return the present, in ns."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let others run for a while."""
        ...


class SpikeSource(Protocol):
    """A source of spikes that was found; it is read once it is open.

    Attributes
    ----------
    source_id
        Its source_id.
    arrived_ns
        Time at which the newest chunk was pulled, on the loop's clock, in ns.
    is_drained
        True if the newest pull took all that waited.

    """

    source_id: str
    arrived_ns: int
    is_drained: bool

    @property
    def stream(self) -> SpikeStream | JoinedStream:
        """The shape of its stream; of several that are decoded together, all shapes."""
        ...

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the numbers, as sent."""
        ...

    def open(self, binner: SpikeBinner[Any], step_ns: int) -> None:
        """Begin to queue chunks.

        Parameters
        ----------
        binner
            The binner whose input counts take losses and clock steps.
        step_ns
            Jump of the source's clock, in ns, beyond which it must have been set.

        """
        ...

    def pull(self, timeout_s: float) -> Chunk | None:
        """Return the samples that wait, after a wait for the first if need be.

        Parameters
        ----------
        timeout_s
            Longest wait, in s.

        Returns
        -------
        Chunk or None
            The samples; None if none came.

        Raises
        ------
        SourceLostError
            If the source has gone.

        """
        ...

    def empty_chunk(self) -> Chunk | None:
        """Return a chunk without samples, to warm the caches; None for events.

        For events silence is data, so an empty chunk would change the result.
        """
        ...

    def n_waiting(self) -> int:
        """Return the number of samples that have arrived and were not pulled yet."""
        ...

    def flush(self) -> None:
        """Throw away all waiting samples, and count them as skipped."""
        ...


class SpikesIn(Protocol):
    """The port at which sources of spikes are found."""

    def find(
        self, wait_s: float, is_stopped: Callable[[], bool], note: Callable[[str], None]
    ) -> SpikeSource | None:
        """Wait for the one source that matches.

        Parameters
        ----------
        wait_s
            Longest wait, in s.
        is_stopped
            Returns True to give up.
        note
            Called with a sentence on what is awaited.

        Returns
        -------
        SpikeSource or None
            The source, not open yet; None if stopped.

        Raises
        ------
        StreamError
            If none appears in time, or several match.

        """
        ...

    def pin(self, source: SpikeSource) -> None:
        """Find this very source alone from now on, should it go and come back."""
        ...

    @property
    def source_came_back(self) -> bool:
        """True if the pinned source is back, so that its old connection is dead."""
        ...

    def wait_for_others(self, is_stopped: Callable[[], bool]) -> None:
        """Wait until other sources are there than now, or until stopped."""
        ...

    def close(self) -> None:
        """Stop looking."""
        ...


class ResultsOut(Protocol):
    """The port that results are sent to. No call may wait for a reader."""

    def announce_counts(self, source_id: str) -> None:
        """Open the stream of counts, once it is known which source is counted."""
        ...

    def push_output(self, values: Float32Array, stamp_ns: int) -> None:
        """Send outputs, ``(output,)``, first of all, because the cursor waits for them."""
        ...

    def push_classes(self, probabilities: Float32Array, stamp_ns: int) -> None:
        """Send the classes' probabilities, ``(class,)``; only called if there is a classifier."""
        ...

    def push_latent(self, decoded: Decoded) -> None:
        """Send the latent of a hop."""
        ...

    def push_timing(self, end_ns: int, values: Sequence[float]) -> None:
        """Send a row of `TIMING_LABELS`: stamps in s, counts, gain, state, bundle."""
        ...

    def push_counts(self, end_ns: int, counts: Float32Array) -> None:
        """Send the spikes of a hop, ``(channel,)`` in the bundle's order."""
        ...

    def push_normalisation(self, end_ns: int, moments: Moments) -> None:
        """Send the state of the running normalisation, in force from the end of a hop on."""
        ...

    def push_state(self, state: State, stamp_ns: int) -> None:
        """Send a change of state."""
        ...

    def push_notice(self, notice: str) -> None:
        """Send a notice, a sentence for the operator."""
        ...

    def warm_caches(self, values: Float32Array) -> None:
        """Run all the code of `push_output` but the sending."""
        ...

    def close(self) -> None:
        """Wait until the last results have left, then close."""
        ...


# Runs work that the loop must not wait for.
InBackground: TypeAlias = Callable[[Callable[[], None]], None]


def in_a_thread(work: Callable[[], None]) -> None:
    """Run work in a thread of its own."""
    Thread(target=work, daemon=True).start()


@dataclass(frozen=True)
class Ports:
    """Everything that connects a loop with its surroundings.

    Attributes
    ----------
    spikes, results
        The ports for spikes in and results out.
    clock
        The loop's clock.
    alarms
        Notices for the operator, which any thread may append.
    in_background
        Runs work that the loop must not wait for.

    """

    spikes: SpikesIn
    results: ResultsOut
    clock: Clock
    alarms: deque[str] = field(default_factory=deque)
    in_background: InBackground = in_a_thread

    def close(self) -> None:
        """Close both ports."""
        self.spikes.close()
        self.results.close()
