"""Turn a device's packets into spikes and samples on the LSL clock, and count what is lost."""

import heapq
from collections import deque
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np

from drivers.blackrock.clock import DeviceClock
from drivers.blackrock.packets import MONITOR, RAW_GROUPS, Content, Packet, parse
from rt_ner.core.arrays import AnyArray
from rt_ner.core.clock import NS_PER_MS, NS_PER_S

# A spike waits so long for older ones that a network has overtaken.
REORDER_NS = NS_PER_MS
_REPEAT_NS = NS_PER_S
# A monitor further back than so many belongs to a count that began anew.
_LATE_MONITORS = 10
# A bit of a front-end's sample is a quarter of a microvolt.
_BITS_PER_UV = 4


@dataclass
class Counts:
    """Counts of packets, by their fate.

    ``lost``: by the device's own count of what it sent. ``unknown_stretches``: times between
    monitors for which the loss is unknown, because a monitor was lost. ``late``: spikes sent with
    the right time, but after a newer one. ``untimed``: spikes and samples dropped because no
    heartbeat gave their time. ``elsewhere``: events of other inputs.
    """

    packets: int = 0
    spikes: int = 0
    samples: int = 0
    lost: int = 0
    unknown_stretches: int = 0
    repeated: int = 0
    late: int = 0
    untimed: int = 0
    elsewhere: int = 0
    other: int = 0
    malformed: int = 0
    clock_resets: int = 0


def troubles(counts: Counts) -> str:
    """Return what went wrong so far, in one line."""
    good = ("packets", "spikes", "samples", "other", "elsewhere")
    bad = {name: n for name, n in asdict(counts).items() if n and name not in good}
    return ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in bad.items()) or "no trouble"


class Spike(NamedTuple):
    """A spike, at a time of the LSL clock; channels count from 1, unit 0 is unsorted."""

    time_ns: int
    channel: int
    unit: int


class LossCount:
    """Counts lost packets, by the monitors' count of what was sent between them."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._monitor: int | None = None
        self._received = 0

    def take(self) -> None:
        """Take a packet of any kind, monitors included."""
        self._received += 1

    def take_monitor(self, sent: int, number: int) -> None:
        """Take a monitor, which ends the stretch since the one before.

        A packet that a monitor overtook counts as lost in one stretch and as surplus in the next.
        """
        before = self._monitor
        if before is not None and before - _LATE_MONITORS <= number <= before:
            return
        if before is not None and number == before + 1:
            self._counts.lost += sent - self._received
        elif before is not None and number > before:
            # All that is known of the stretches in the gap is that their monitors were lost.
            self._counts.lost += number - before - 1
            self._counts.unknown_stretches += number - before
        self._received = 0
        self._monitor = number


class Receiver:
    """Turns datagrams into spikes and samples, without sockets and LSL.

    ``tick_hz``: rate of the device's clock, 10⁹ on Gemini, 30000 on an older NSP.
    """

    def __init__(
        self, n_channels: int, tick_hz: int = NS_PER_S, *, broadband: bool = False
    ) -> None:
        self._n_channels = n_channels
        self._tick_hz = tick_hz
        self.broadband = broadband
        self._clock = DeviceClock()
        self._seen: set[bytes] = set()
        self._seen_at: deque[tuple[int, bytes]] = deque()
        self._waiting: list[tuple[int, int, int]] = []
        self._arrived: deque[tuple[int, int]] = deque()
        self._released_ns: int | None = None
        self._samples: list[tuple[int, bytes]] = []
        self._spikes: list[Spike] = []
        self.counts = Counts()
        self._loss = LossCount(self.counts)

    def take(self, datagram: bytes, arrival_ns: int) -> None:
        """Take a datagram that arrived at ``arrival_ns`` of the LSL clock."""
        packets, malformed = parse(datagram)
        self.counts.malformed += malformed
        for packet in packets:
            self._take(packet, arrival_ns)

    def _take(self, packet: Packet, arrival_ns: int) -> None:
        device_ns = packet.time * NS_PER_S // self._tick_hz
        if packet.content is not Content.OTHER and self._clock.was_reset(device_ns, arrival_ns):
            self._begin_anew()
        if self._is_repeated(packet, arrival_ns):
            self.counts.repeated += 1
            return
        self.counts.packets += 1
        self._loss.take()
        if packet.content is Content.EVENT:
            self._take_event(packet, device_ns, arrival_ns)
        elif packet.content is Content.GROUP:
            self._take_group(packet, device_ns)
        elif packet.content is Content.OTHER:
            self.counts.other += 1
        else:
            self._clock.take(device_ns, arrival_ns)
        if packet.content is Content.MONITOR:
            self._loss.take_monitor(*MONITOR.unpack_from(packet.body))

    def _is_repeated(self, packet: Packet, arrival_ns: int) -> bool:
        """Return True if the very same bytes came within the last second."""
        while self._seen_at and self._seen_at[0][0] < arrival_ns - _REPEAT_NS:
            self._seen.discard(self._seen_at.popleft()[1])
        if packet.raw in self._seen:
            return True
        self._seen.add(packet.raw)
        self._seen_at.append((arrival_ns, packet.raw))
        return False

    def _take_event(self, packet: Packet, device_ns: int, arrival_ns: int) -> None:
        if packet.channel > self._n_channels:
            self.counts.elsewhere += 1
            return
        heapq.heappush(self._waiting, (device_ns, packet.channel, packet.type))
        self._arrived.append((arrival_ns, device_ns))

    def _take_group(self, packet: Packet, device_ns: int) -> None:
        if not self.broadband or packet.type not in RAW_GROUPS:
            self.counts.other += 1
        elif len(packet.body) != (self._n_channels + 1) // 2 * 4:
            self.counts.malformed += 1
        else:
            self._samples.append((device_ns, packet.body))

    def spikes(self, now_ns: int) -> list[Spike]:
        """Return the spikes that have waited long enough, each once, oldest first."""
        if self._clock.is_known:
            while self._arrived and self._arrived[0][0] + REORDER_NS <= now_ns:
                self._release(self._arrived.popleft()[1])
        spikes, self._spikes = self._spikes, []
        return spikes

    def samples(self) -> tuple[list[int], AnyArray]:
        """Return what came: times of the LSL clock, and voltage ``(sample, channel)`` in µV."""
        came = sorted(self._samples) if self._clock.is_known else []
        if came:
            self._samples = []
        self.counts.samples += len(came)
        bits = np.frombuffer(b"".join(body for _, body in came), dtype="<i2")
        bits = bits.reshape(len(came), (self._n_channels + 1) // 2 * 2)[:, : self._n_channels]
        voltage_uv = np.rint(bits / _BITS_PER_UV).astype(np.int16)
        return [self._clock.local_ns(time_ns) for time_ns, _ in came], voltage_uv

    def _release(self, device_ns: int) -> None:
        """Release all spikes that are no newer than one that has waited long enough."""
        while self._waiting and self._waiting[0][0] <= device_ns:
            time_ns, channel, unit = heapq.heappop(self._waiting)
            if self._released_ns is not None and time_ns < self._released_ns:
                self.counts.late += 1
            else:
                self._released_ns = time_ns
            self._spikes.append(Spike(self._clock.local_ns(time_ns), channel, unit))
            self.counts.spikes += 1

    def _begin_anew(self) -> None:
        """Release what waits by the old clock, and learn the new one."""
        self.counts.clock_resets += 1
        if self._clock.is_known and self._waiting:
            self._release(max(self._waiting)[0])
        self.give_up()
        self._seen.clear()
        self._seen_at.clear()
        self._released_ns = None
        self._clock, self._loss = DeviceClock(), LossCount(self.counts)

    def n_untimed(self) -> int:
        """Return the number of spikes and samples that wait for heartbeats to give their time."""
        return 0 if self._clock.is_known else len(self._waiting) + len(self._samples)

    def give_up(self) -> None:
        """Drop what still waits, and count it."""
        self.counts.untimed += len(self._waiting) + len(self._samples)
        self._waiting.clear()
        self._arrived.clear()
        self._samples.clear()
