"""Read one spike stream into reused buffers, on local integer time."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pylsl

from rt_ner.core.arrays import AnyArray, FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S, ClockOffset, ns_from_s, s_from_ns
from rt_ner.core.contract.input_counts import InputCounts
from rt_ner.core.errors import SourceLostError
from rt_ner.decoding.binning.binner import SpikeBinner
from rt_ner.decoding.chunks import Chunk, EventChunk, RasterChunk, VoltageChunk
from rt_ner.decoding.input.settings import InputKind
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.lsl.network.host_clock import HostClock
from rt_ner.lsl.spikes.header import read_spike_stream
from rt_ner.lsl.spikes.times import LONGEST_S, take_times
from rt_ner.lsl.streams import EVENT_BUFFER_S, local_now_ns

# Most samples taken at once.
_MAX_SAMPLES = {InputKind.RASTER: 1024, InputKind.BROADBAND: 4096, InputKind.EVENTS: 65_536}
# Length of liblsl's buffer, in seconds.
_BUFFER_S = 60
_CONNECT_TIMEOUT_S = 5.0
_FOLLOW_EVERY_NS = NS_PER_S


class SpikeInlet:
    """A reader of one spike stream's chunks.

    Recovery is not left to liblsl, which would take any stream with the same source_id, of any
    shape, for ever. Instead `pull` raises SourceLostError, and the loop reconnects.

    Parameters
    ----------
    info
        The stream, as found on the network.
    wanted
        The kind that it must be; `InputKind.AUTO`: as its metadata say.
    alarm
        Called with a notice if the source's computer turns out to have this one's name.

    Attributes
    ----------
    stream, info
        The stream's shape, and its full metadata.
    arrived_ns
        Time of the newest pull, or of opening, on the local LSL clock, in ns.
    is_drained
        True if the newest pull took all that waited.

    Raises
    ------
    SourceLostError, StreamError
        If the source does not answer, or can't be of the wanted kind.

    """

    def __init__(
        self, info: pylsl.StreamInfo, wanted: InputKind, alarm: Callable[[str], object] = str
    ) -> None:
        buffer_s = _BUFFER_S if info.nominal_srate() > 0 else EVENT_BUFFER_S
        self._inlet = pylsl.StreamInlet(info, max_buflen=buffer_s, recover=False)
        try:
            full_info = self._inlet.info(_CONNECT_TIMEOUT_S)
        except (pylsl.util.TimeoutError, pylsl.util.LostError) as error:
            raise SourceLostError(f"the source does not answer ({error})") from error
        self.stream: SpikeStream = read_spike_stream(full_info, wanted)
        self._max_samples = _MAX_SAMPLES[self.stream.kind]
        self._values = np.zeros(
            (self._max_samples, full_info.channel_count()), dtype=self._inlet.np_dtype
        )
        self._numbers = np.zeros((2, self._max_samples), dtype=np.float64)
        self._time_ns = np.zeros(self._max_samples, dtype=np.int64)
        self._no_stamps = np.zeros(0)
        # Compile now, not when data come.
        take_times(self._no_stamps, 0, self._time_ns)
        self._alarm = alarm
        self._clock: HostClock | None = None
        self._offset: ClockOffset | None = None
        self._followed_at_ns = 0
        self.info = full_info
        self.source_id: str = full_info.source_id()
        self._binner: SpikeBinner[Any] | None = None
        self.arrived_ns = 0
        self.is_drained = True

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the numbers, as sent."""
        dtype: np.dtype[np.generic] = self._values.dtype
        return dtype

    def open(self, binner: SpikeBinner[Any], step_ns: int) -> None:
        """Subscribe: from now on the source's samples are queued.

        Times of another host are moved to the local clock. Raises SourceLostError if the source
        does not answer.

        Parameters
        ----------
        binner
            The binner whose input counts take losses and clock steps.
        step_ns
            Jump of the offset, in ns, beyond which a clock must have been set.

        """
        self._binner = binner
        try:
            self._inlet.open_stream(_CONNECT_TIMEOUT_S)
            self._clock = HostClock(self._inlet, self.info.hostname())
            offset_ns = _offset_ns(self._clock)
        except (pylsl.util.TimeoutError, pylsl.util.LostError) as error:
            raise SourceLostError(f"the source does not answer ({error})") from error
        self.arrived_ns = self._followed_at_ns = local_now_ns()
        self._offset = ClockOffset(offset_ns, self.arrived_ns, step_ns)

    def pull(self, timeout_s: float) -> Chunk | None:
        """Return all samples that wait, after a wait for the first if need be.

        Parameters
        ----------
        timeout_s
            Longest wait, in s.

        Returns
        -------
        Chunk or None
            The samples; None if none came, but for events an empty chunk that tells the time. Its
            arrays are reused by the next pull.

        Raises
        ------
        SourceLostError
            If the source has gone.

        """
        n_waiting = self.n_waiting()
        try:
            if self._clock and self._offset:
                self._follow_clock(self._clock, self._offset)
            stamps_s = self._pull(0.0, self._values) if n_waiting else self._first(timeout_s)
        except pylsl.util.LostError as error:
            # The waiting samples are lost too; the last of them was liblsl's mark of the end.
            self._count(InputCounts.SKIPPED, max(n_waiting - 1, 0))
            raise SourceLostError("the source has gone") from error
        self.arrived_ns = local_now_ns()
        if not len(stamps_s) and self.stream.kind is not InputKind.EVENTS:
            return None
        self.is_drained = len(stamps_s) < self._max_samples
        return self._checked(self._values[: len(stamps_s)], stamps_s)

    def _first(self, timeout_s: float) -> FloatArray:
        """Wait for a sample; return the stamps of all that came with it, none after a timeout.

        This is half the work of pylsl's own wait for a chunk, which pulls twice.
        """
        first_s = self._pull(timeout_s, self._values[:1])
        if not len(first_s) or not self.n_waiting():
            return first_s
        return np.concatenate((first_s, self._pull(0.0, self._values[1:])))

    def _pull(self, timeout_s: float, values: AnyArray) -> FloatArray:
        """Pull samples into ``values``, as many as fit; return their stamps."""
        stamps_s: FloatArray
        _, stamps_s = self._inlet.pull_chunk(timeout_s, len(values), values, as_numpy=True)
        return stamps_s

    def empty_chunk(self) -> Chunk | None:
        """Return a raster chunk without samples, made like any other, to warm the caches.

        None for other kinds, because an empty chunk of events means silence.
        """
        if self.stream.kind is not InputKind.RASTER:
            return None
        return self._checked(self._values[:0], self._no_stamps)

    def _checked(self, values: AnyArray, stamps_s: FloatArray) -> Chunk:
        time_ns = self._time_ns[: len(stamps_s)]
        if not take_times(stamps_s, self.offset_ns, time_ns):
            known = np.abs(stamps_s) < LONGEST_S
            self._count(InputCounts.INVALID, int(len(known) - known.sum()))
            values, time_ns = values[known], time_ns[known]
        return self._chunk(time_ns, values)

    @property
    def offset_ns(self) -> int:
        """Offset from the source's clock to the local one, in ns."""
        return self._offset.ns if self._offset else 0

    def n_waiting(self) -> int:
        """Return the number of samples that have arrived and were not pulled yet."""
        return int(self._inlet.samples_available())

    def flush(self) -> None:
        """Throw away all waiting samples, and count them as skipped."""
        self._count(InputCounts.SKIPPED, int(self._inlet.flush()))

    def _follow_clock(self, clock: HostClock, offset: ClockOffset) -> None:
        now_ns = self.arrived_ns
        if now_ns - self._followed_at_ns < _FOLLOW_EVERY_NS:
            return
        self._followed_at_ns = now_ns
        if not offset.follow(_offset_ns(clock), now_ns) or self._binner is None:
            return
        self._count(InputCounts.CLOCK_STEPS, 1)
        self._binner.restart(now_ns)
        if clock.is_namesake(s_from_ns(offset.ns)):
            self._alarm(f"'{self.source_id}' {clock.namesake(s_from_ns(offset.ns))}")

    def _count(self, what: InputCounts, n: int) -> None:
        if self._binner:
            self._binner.input_counts[what] += n

    def _chunk(self, time_ns: Int64Array, values: AnyArray) -> Chunk:
        kind = self.stream.kind
        if kind is InputKind.RASTER:
            return RasterChunk(time_ns, values, self.arrived_ns)
        if kind is InputKind.BROADBAND:
            return VoltageChunk(time_ns, values, self.arrived_ns)
        channel, unit = self._numbers[:, : len(values)]
        channel[:] = values[:, self.stream.channel_column]
        if self.stream.unit_column is not None:
            unit[:] = values[:, self.stream.unit_column]
        # This process may have been paused since the pull, so that samples from before it wait.
        complete = self.is_drained and not self.n_waiting()
        return EventChunk(time_ns, channel, unit, self.arrived_ns, complete)


def _offset_ns(clock: HostClock) -> int:
    """Return LSL's estimate of the clock offset, which it keeps ready, so at once."""
    try:
        return ns_from_s(clock.offset_s(_CONNECT_TIMEOUT_S))
    except pylsl.util.TimeoutError as error:
        raise SourceLostError(
            "the source's computer does not answer with its time: open UDP ports 16571 to 16604 "
            "in the firewalls of both computers"
        ) from error
