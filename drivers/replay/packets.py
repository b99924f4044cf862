"""Cut a session's spikes into packets, in each form in which they can be sent."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from drivers.encodings import (
    BroadbandEncoding,
    Encoding,
    EventEncoding,
    RasterEncoding,
)
from drivers.replay.split import SplitEncoding
from drivers.simulated.voltage import VoltageMaker
from rt_ner.core.arrays import AnyArray, Int64Array
from rt_ner.core.contract.kinds import BROADBAND_HZ, SpikeForm
from rt_ner.core.errors import SessionError
from rt_ner.data.session.session import Session


class Packet(NamedTuple):
    """Rows to send: stamps ``(row,)`` in session time, ascending, and values ``(row, column)``."""

    stamp_ns: Int64Array
    values: AnyArray


class Packets(Protocol):
    """A session's spikes in one form; ``at_once`` rows are sent together."""

    at_once: int

    @property
    def encoding(self) -> Encoding | SplitEncoding:
        """Encoding of the rows."""

    def between(self, start_ns: int, end_ns: int) -> Iterator[Packet]:
        """Yield the packets of a stretch of the session, in order."""


def packets_of(session: Session, form: SpikeForm = SpikeForm.RASTER) -> Packets:
    """Return a session's spikes in a form; SessionError if it holds none to send."""
    if session.voltage.is_power:
        raise SessionError(
            f"session '{session.name}' holds {session.voltage}, no spikes that could be replayed: "
            "replay a session of spikes, as voltage with --form broadband"
        )
    makers: dict[SpikeForm, Callable[[Session], Packets]] = {
        SpikeForm.RASTER: RasterPackets,
        SpikeForm.EVENTS: EventPackets,
        SpikeForm.BROADBAND: BroadbandPackets,
    }
    return makers[form](session)


class SplitPackets:
    """The packets of a session of several areas, to be sent as a stream for each area.

    ``areas``: the sessions of the areas, which were joined into ``session``.
    """

    def __init__(self, session: Session, areas: Sequence[Session], form: SpikeForm) -> None:
        whole = packets_of(session, form)
        self.at_once = whole.at_once
        self.between = whole.between
        encodings = {area.area: packets_of(area, form).encoding for area in areas}
        n_channels = tuple(len(area.channel_ids) for area in areas)
        self.encoding = SplitEncoding(encodings, n_channels)


class RasterPackets:
    """Spike counts, sample by sample."""

    at_once = 1

    def __init__(self, session: Session) -> None:
        self._spikes = session.spikes
        period_ns = session.spikes.raster_period_ns
        self.encoding = RasterEncoding(session.channel_ids, period_ns)

    def between(self, start_ns: int, end_ns: int) -> Iterator[Packet]:
        """Yield the raster of a stretch."""
        for chunk in self._spikes.raster(start_ns, end_ns):
            yield Packet(chunk.stamp_ns, self.encoding.encode(chunk.counts))


class EventPackets:
    """Single spikes."""

    at_once = 1

    def __init__(self, session: Session) -> None:
        self._spikes = session.spikes
        self.encoding = EventEncoding(session.channel_ids)

    def between(self, start_ns: int, end_ns: int) -> Iterator[Packet]:
        """Yield the spikes of a stretch."""
        for chunk in self._spikes.events(start_ns, end_ns):
            yield Packet(chunk.time_ns, self.encoding.encode(chunk.channel, chunk.unit))


class BroadbandPackets:
    """Voltage made from the spikes, a millisecond at a time."""

    at_once = BROADBAND_HZ // 1000

    def __init__(self, session: Session) -> None:
        self._maker = VoltageMaker(session)
        self.encoding = BroadbandEncoding(session.channel_ids)

    def between(self, start_ns: int, end_ns: int) -> Iterator[Packet]:
        """Yield the voltage of a stretch."""
        for chunk in self._maker.chunks(start_ns, end_ns):
            yield Packet(chunk.stamp_ns, self.encoding.encode(chunk.voltage))
