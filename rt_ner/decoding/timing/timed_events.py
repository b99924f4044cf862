"""Refuse events whose time stamps can't be times, before they are counted.

Events have no fixed rate, so the time between their stamps is compared with the time between their
arrivals. Events read from a file have no arrival time and are not checked.
"""

from collections.abc import Iterator

from rt_ner.core.clock import NEVER_NS, NS_PER_MS
from rt_ner.core.errors import StreamError
from rt_ner.decoding.binning.binner import BinnerBefore, SpikeBinner
from rt_ner.decoding.chunks import EventChunk
from rt_ner.decoding.timing.kernels.steps import MORE_BLOCKS, OFF_SCALE_BLOCKS

_BLOCK_NS = 400 * NS_PER_MS
# Seconds per second, at least and at most, of stamps that can be times. A replay may be faster
# than real time; slower, its events would all be late.
_SLOWEST, _FASTEST = 0.5, 100.0


class TimedEvents(BinnerBefore):
    """A binner that judges the time stamps of events and leaves the counting to another.

    ``binner``: the one that counts.
    """

    def __init__(self, binner: SpikeBinner[EventChunk]) -> None:
        super().__init__(binner)
        self._since_ns = self._since_arrived_ns = NEVER_NS
        self._n_off = 0

    def restart(self, now_ns: int) -> None:
        """Forget the source's time too, for a new connection."""
        self._since_arrived_ns = NEVER_NS
        self._n_off = 0
        self._binner.restart(now_ns)

    def push(self, chunk: EventChunk) -> Iterator[int]:
        """Judge and count a chunk's events; yield the end (ns) of each hop that it closes.

        Raises StreamError if the stamps can't be times in seconds.
        """
        if chunk.time_ns.size and chunk.arrived_ns > 0:
            self._judge(int(chunk.time_ns[-1]), chunk.arrived_ns)
        yield from self._binner.push(chunk)

    def _judge(self, stamp_ns: int, arrived_ns: int) -> None:
        passed_ns = arrived_ns - self._since_arrived_ns
        if passed_ns < _BLOCK_NS:
            return
        if self._since_arrived_ns != NEVER_NS:
            scale = (stamp_ns - self._since_ns) / passed_ns
            is_off = not _SLOWEST < scale < _FASTEST
            self._n_off = self._n_off + 1 if is_off else -MORE_BLOCKS
            if self._n_off >= OFF_SCALE_BLOCKS:
                raise off_scale(scale, "that passes")
        self._since_ns, self._since_arrived_ns = stamp_ns, arrived_ns


def off_scale(scale: float, per: str) -> StreamError:
    """Return the error for stamps that advance so many seconds per second, and which seconds."""
    advance = f"{scale:,.0f}" if abs(scale) >= 10 else f"{scale:.2g}"
    late = ". If they are, more is sent than can be carried, so it comes ever later: send less"
    late = late if 0 < scale < 1 else ""
    return StreamError(
        f"the time stamps advance {advance} s in each second {per}, expected 1: they must be "
        "seconds of the LSL clock, not ticks of a device or milliseconds, and must not stand "
        f"still; correct the program that sends them{late}"
    )
