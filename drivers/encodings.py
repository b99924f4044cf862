"""Forms: the same spikes as a raster, as single events, or as broadband voltage."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
import pylsl

from drivers.simulated.voltage import RATE_HZ, VoltageMaker
from rt_ner.core.arrays import AnyArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.kinds import Kind
from rt_ner.data.session.session import Session
from rt_ner.lsl.streams import add_electrodes, announce, open_outlet


class Packet(NamedTuple):
    """What is sent: stamps in session time, ascending, and as many rows of values."""

    stamp_ns: Int64Array
    values: AnyArray


class Form(Protocol):
    """One way to send a session's spikes.

    ``period_ns``: of a sample, None if irregular. ``at_once``: rows that are sent together.
    """

    kind: Kind
    period_ns: int | None
    at_once: int

    def open(self, source: str) -> pylsl.StreamOutlet:
        """Announce the stream."""
        ...

    def packets(self, start_ns: int, end_ns: int) -> Iterator[Packet]:
        """Everything of a stretch of the session, in order."""
        ...


class RasterForm:
    """Counts a channel and sample, as int16."""

    kind = Kind.SPIKES
    at_once = 1

    def __init__(self, session: Session) -> None:
        self._session = session
        self.period_ns: int | None = session.spikes.raster_period_ns

    def open(self, source: str) -> pylsl.StreamOutlet:
        """Announce the raster."""
        return open_outlet(source, self.kind, self._session.channel_ids, "spikes", self.period_ns)

    def packets(self, start_ns: int, end_ns: int) -> Iterator[Packet]:
        """The raster of a stretch."""
        for chunk in self._session.spikes.raster(start_ns, end_ns):
            yield Packet(chunk.stamp_ns, chunk.counts.astype(np.int16))


class EventForm:
    """Single spikes: columns for channel and unit, both counted from 1."""

    kind = Kind.EVENTS
    period_ns: int | None = None
    at_once = 1

    def __init__(self, session: Session) -> None:
        self._session = session

    def open(self, source: str) -> pylsl.StreamOutlet:
        """Announce the events, with the electrodes that their channel numbers stand for."""
        info = announce(source, self.kind, ["channel", "unit"], "", pylsl.IRREGULAR_RATE)
        add_electrodes(info, self._session.channel_ids)
        return pylsl.StreamOutlet(info, chunk_size=1)

    def packets(self, start_ns: int, end_ns: int) -> Iterator[Packet]:
        """The spikes of a stretch."""
        for chunk in self._session.spikes.events(start_ns, end_ns):
            values = np.stack([chunk.channel, chunk.unit], axis=1).astype(np.int32)
            yield Packet(chunk.time_ns, values)


class BroadbandForm:
    """Voltage at 30 kHz, as int16 microvolts."""

    kind = Kind.BROADBAND
    period_ns: int | None = round(NS_PER_S / RATE_HZ)
    at_once = RATE_HZ // 1000

    def __init__(self, session: Session) -> None:
        self._session = session
        self._maker = VoltageMaker(session)

    def open(self, source: str) -> pylsl.StreamOutlet:
        """Announce the voltage."""
        channels = self._session.channel_ids
        info = announce(source, self.kind, channels, "microvolts", RATE_HZ)
        return pylsl.StreamOutlet(info, chunk_size=1)

    def packets(self, start_ns: int, end_ns: int) -> Iterator[Packet]:
        """The voltage of a stretch."""
        for chunk in self._maker.chunks(start_ns, end_ns):
            yield Packet(chunk.stamp_ns, chunk.voltage)


FORMS: dict[str, Callable[[Session], Form]] = {
    "raster": RasterForm,
    "events": EventForm,
    "broadband": BroadbandForm,
}
