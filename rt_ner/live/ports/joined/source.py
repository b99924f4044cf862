"""Read several sources as one: always the source next that the decoder waits for."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rt_ner.core.clock import NS_PER_S
from rt_ner.core.errors import SourceLostError
from rt_ner.decoding.binning.binner import SpikeBinner
from rt_ner.decoding.chunks import Chunk, SourceChunk
from rt_ner.decoding.joining.joined_binner import JoinedBinner
from rt_ner.decoding.joining.joined_stream import JoinedStream
from rt_ner.live.ports.joined.slot import Slot
from rt_ner.live.ports.protocols import SpikeSource
from rt_ner.live.rules.input_watch import GIVE_UP_NS


class JoinedSource:
    """Several sources, read as one.

    Parameters
    ----------
    slots
        The places of the sources, in the order of the bundle's areas.
    goes_on_without
        True to go on with the others if one is lost; False to give up the connection.
    now_ns
        The loop's clock.
    alarm
        Called with a notice for the operator.

    Attributes
    ----------
    source_id
        All source_ids, with commas between.
    stream
        The shapes of all streams.
    arrived_ns
        Time at which the newest chunk was pulled, in ns.
    is_drained
        True if the newest pull took all that waited.

    """

    def __init__(
        self,
        slots: Sequence[Slot],
        goes_on_without: bool,
        now_ns: Callable[[], int],
        alarm: Callable[[str], None],
    ) -> None:
        self._slots = tuple(slots)
        self._goes_on_without = goes_on_without
        self._now_ns = now_ns
        self._alarm = alarm
        self._binner: JoinedBinner | None = None
        source_ids = tuple(slot.source_id for slot in slots)
        self.source_id = ",".join(source_ids)
        self.stream = JoinedStream(source_ids, tuple(slot.stream for slot in slots))
        self.arrived_ns = 0
        self.is_drained = True

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the first source's numbers, as sent; the binner knows those of the others."""
        return self.stream.streams[0].dtype

    def open(self, binner: SpikeBinner[Any], step_ns: int) -> None:
        """Begin to queue the chunks of all sources that are there."""
        assert isinstance(binner, JoinedBinner)
        self._binner = binner
        for slot, hops in zip(self._slots, binner.sources, strict=True):
            slot.open(hops, step_ns, self._now_ns())
        self._alarm(f"joined sources: {', '.join(slot.name for slot in self._slots)}")

    def pull(self, timeout_s: float) -> Chunk | None:
        """Return what waits from one source, after a wait if need be; None if none comes.

        Raises SourceLostError if a source has gone and the others can't go on without it.
        """
        now_ns = self.arrived_ns = self._now_ns()
        waiting = [slot for slot in self._slots if slot.waits(now_ns)]
        for slot in self._slots:
            if slot not in waiting:
                self._look_after(slot, now_ns)
            self._tell_if_left_out(slot)
        # No hop can be closed without the source that lags the most: to wait for it costs no time.
        slot = min(waiting or [each for each in self._slots if each.source], key=self._lag)
        assert slot.source
        try:
            chunk = slot.source.pull(0.0 if waiting else timeout_s)
        except SourceLostError as error:
            self._lose(slot, str(error))
            return None
        self.arrived_ns = slot.source.arrived_ns
        others = [source for source in self._sources() if source is not slot.source]
        self.is_drained = slot.source.is_drained and not any(each.n_waiting() for each in others)
        return self._labelled(slot, chunk, self.is_drained)

    def empty_chunk(self) -> Chunk | None:
        """Return a chunk without samples, to warm the caches; None if all sources send events."""
        for slot in self._slots:
            chunk = slot.source.empty_chunk() if slot.source else None
            if chunk is not None:
                return self._labelled(slot, chunk, False)
        return None

    def n_waiting(self) -> int:
        """Return the number of samples that have arrived and were not pulled yet."""
        return sum(source.n_waiting() for source in self._sources())

    def flush(self) -> None:
        """Throw away all waiting samples, and count them as skipped."""
        for source in self._sources():
            source.flush()
        self._joined.sum_up()

    def _labelled(self, slot: Slot, chunk: Chunk | None, is_complete: bool) -> SourceChunk | None:
        """Return a chunk with the number of its source."""
        if chunk is None:
            return None
        assert not isinstance(chunk, SourceChunk)
        return SourceChunk(chunk[0], self._slots.index(slot), chunk, is_complete)

    def _sources(self) -> list[SpikeSource]:
        """Return the sources that are connected."""
        return [slot.source for slot in self._slots if slot.source]

    def _lag(self, slot: Slot) -> tuple[bool, int]:
        """Return a number that is smallest for the source that the next hop waits for."""
        return slot.is_left_out, slot.hops.newest_end_ns

    def _look_after(self, slot: Slot, now_ns: int) -> None:
        """Take a source back that was lost; notice one that sends nothing."""
        if slot.source is None:
            if slot.take_found(now_ns):
                self._joined.come_back(self._slots.index(slot), now_ns)
        elif slot.is_silent(now_ns):
            waits = "" if self._goes_on_without else ": the cursor stands still until it does"
            self._alarm(f"{slot.name} sends nothing{waits}")
            if slot.port.source_came_back:
                self._lose(slot, "the source is back, so this connection is dead")
            elif slot.watch.is_dead(now_ns):
                self._lose(slot, f"no data for {GIVE_UP_NS / NS_PER_S:g} s, searching again")
        elif (behind_ns := self._joined.newest_ns - slot.newest_ns) > slot.too_far_behind_ns:
            self._alarm(
                f"{slot.name} is {behind_ns / NS_PER_S:.1f} s behind the other sources, and the "
                "cursor with it: expected times of one clock; set the clock of its computer, or "
                "correct the program that sends it"
            )

    def _lose(self, slot: Slot, why: str) -> None:
        """Go on without a source, or give up the connection to all of them."""
        slot.source = None
        if self._goes_on_without and self._sources():
            self._alarm(f"connection lost: {slot.name}: {why}")
            self._joined.leave(self._slots.index(slot), self._now_ns())
            return
        self._joined.sum_up()
        for each in self._slots:
            each.source = None
        raise SourceLostError(f"{slot.name}: {why}")

    def _tell_if_left_out(self, slot: Slot) -> None:
        """Say when hops begin to be decoded without a source, and when with it again."""
        is_left_out = self._joined.is_left_out(self._slots.index(slot))
        if is_left_out and not slot.is_left_out:
            self._alarm(
                f"decoding goes on without {slot.name}: its channels are set to the counts that "
                "are usual for them"
            )
        elif slot.is_left_out and not is_left_out:
            self._alarm(f"{slot.name} is back and is decoded again")
        slot.is_left_out = is_left_out

    @property
    def _joined(self) -> JoinedBinner:
        assert self._binner
        return self._binner
