"""Blackrock: spikes (and voltage) of an NSP or Gemini, from its UDP packets, as LSL streams.

Tried on an emulator only, never on a device. It listens and sends nothing: the device must be
running already, started by Central say.
"""

import heapq
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from threading import Event
from typing import NamedTuple

import numpy as np
import pylsl

from drivers.blackrock.packets import MONITOR, RAW_GROUPS, Packet, What, parse
from drivers.simulated.voltage import RATE_HZ
from rt_ner.core.arrays import AnyArray
from rt_ner.core.clock import NS_PER_MS, NS_PER_S, ClockOffset, s_from_ns
from rt_ner.core.contract.kinds import Kind
from rt_ner.core.errors import ConfigError
from rt_ner.lsl.streams import add_electrodes, announce, local_now_ns

# A spike waits so long for older ones that a network has overtaken.
REORDER_NS = NS_PER_MS
_REPEAT_NS = NS_PER_S
_ACQUIRE_NS = NS_PER_S // 2
# Long enough to meet a packet that came undelayed, short enough that drift is small within it.
_WINDOW_NS = 2 * NS_PER_S
_RESET_NS = NS_PER_S
# A monitor further back than so many is of a count that began anew.
_LATE_MONITORS = 10
_POLL_S = 0.001
_TOLD_EVERY_NS = 5 * NS_PER_S
_RECEIVE_BYTES = 8 * 2**20
_LARGEST_DATAGRAM = 65536
# A bit of a front-end's sample is a quarter of a microvolt.
_BITS_PER_UV = 4


@dataclass
class Counts:
    """What became of the packets.

    ``lost``: by the device's own count of what it sent. ``unknown_stretches``: between two
    monitors, one of them lost, of which no other loss can be told. ``late``: spikes sent with
    their right time but after a newer one. ``untimed``: spikes and samples dropped because no
    heartbeat told their time. ``elsewhere``: events of other inputs.
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


class Spike(NamedTuple):
    """A spike. ``time_ns``: of the LSL clock; channel counted from 1, unit 0 if unsorted."""

    time_ns: int
    channel: int
    unit: int


class DeviceClock:
    """What to add to the device's time (ns) to get the LSL clock.

    A packet can come late, never early: so the least of arrival − device time over two seconds
    is the offset, to the network's shortest delay. It is known after half a second, and from then
    on only slewed.
    """

    def __init__(self) -> None:
        # Of the window, those that no later one undercuts: (arrival, difference), both ascending.
        self._least: deque[tuple[int, int]] = deque()
        self._begun_ns: int | None = None
        self._newest_ns: int | None = None
        self._offset: ClockOffset | None = None

    @property
    def known(self) -> bool:
        """Whether times can be told."""
        return self._offset is not None

    def local_ns(self, device_ns: int) -> int:
        """The LSL clock's time of a device's time."""
        assert self._offset is not None
        return device_ns + self._offset.ns

    def was_reset(self, device_ns: int, arrival_ns: int) -> bool:
        """Whether a time shows that the device's clock was set: back, or ahead of what can be."""
        if self._newest_ns is None:
            return False
        least_ns = self._least[0][1]
        back = device_ns < self._newest_ns - _RESET_NS
        return back or arrival_ns - device_ns < least_ns - _RESET_NS

    def take(self, device_ns: int, arrival_ns: int) -> None:
        """Learn from a heartbeat."""
        if self._begun_ns is None:
            self._begun_ns = arrival_ns
        self._newest_ns = max(device_ns, device_ns if self._newest_ns is None else self._newest_ns)
        difference_ns = arrival_ns - device_ns
        while self._least and self._least[-1][1] >= difference_ns:
            self._least.pop()
        self._least.append((arrival_ns, difference_ns))
        while self._least[0][0] < arrival_ns - _WINDOW_NS:
            self._least.popleft()
        estimate_ns = self._least[0][1]
        if self._offset is not None:
            self._offset.follow(estimate_ns, arrival_ns)
        elif arrival_ns - self._begun_ns >= _ACQUIRE_NS:
            self._offset = ClockOffset(estimate_ns, arrival_ns, _RESET_NS)


class LossCount:
    """Lost packets, by the monitors' count of what was sent between them, added to ``counts``."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._monitor: int | None = None
        self._received = 0

    def take(self) -> None:
        """A packet came, of whatever kind, a monitor included."""
        self._received += 1

    def take_monitor(self, sent: int, number: int) -> None:
        """A monitor came: close the stretch since the one before.

        A packet that a monitor overtook is lost for one stretch and one too many in the next.
        """
        before = self._monitor
        if before is not None and before - _LATE_MONITORS <= number <= before:
            return
        if before is not None and number == before + 1:
            self._counts.lost += sent - self._received
        elif before is not None and number > before:
            # Of the stretches in the gap one knows only that their monitors were lost.
            self._counts.lost += number - before - 1
            self._counts.unknown_stretches += number - before
        self._received = 0
        self._monitor = number


class Receiver:
    """Datagrams in, spikes and samples out; knows neither sockets nor LSL.

    ``tick_hz``: of the device's clock, 10⁹ on Gemini, 30000 on an older NSP.
    """

    def __init__(
        self, n_channels: int, tick_hz: int = NS_PER_S, *, broadband: bool = False
    ) -> None:
        self._n_channels = n_channels
        self._tick_hz = tick_hz
        self._broadband = broadband
        self._clock = DeviceClock()
        self._seen: set[bytes] = set()
        self._seen_at: deque[tuple[int, bytes]] = deque()
        self._waiting: list[tuple[int, int, int]] = []
        self._arrived: deque[tuple[int, int]] = deque()
        self._sent_to_ns: int | None = None
        self._samples: list[tuple[int, bytes]] = []
        self._spikes: list[Spike] = []
        self.counts = Counts()
        self._loss = LossCount(self.counts)

    def take(self, datagram: bytes, arrival_ns: int) -> None:
        """Take a datagram that came at ``arrival_ns`` of the LSL clock."""
        packets, malformed = parse(datagram)
        self.counts.malformed += malformed
        for packet in packets:
            self._take(packet, arrival_ns)

    def _take(self, packet: Packet, arrival_ns: int) -> None:
        device_ns = packet.time * NS_PER_S // self._tick_hz
        if packet.what is not What.OTHER and self._clock.was_reset(device_ns, arrival_ns):
            self._begin_anew()
        if self._is_repeated(packet, arrival_ns):
            self.counts.repeated += 1
            return
        self.counts.packets += 1
        self._loss.take()
        if packet.what is What.EVENT:
            self._take_event(packet, device_ns, arrival_ns)
        elif packet.what is What.GROUP:
            self._take_group(packet, device_ns)
        elif packet.what is What.OTHER:
            self.counts.other += 1
        else:
            self._clock.take(device_ns, arrival_ns)
        if packet.what is What.MONITOR:
            self._loss.take_monitor(*MONITOR.unpack_from(packet.body))

    def _is_repeated(self, packet: Packet, arrival_ns: int) -> bool:
        """Whether the very same bytes came within the last second."""
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
        if not self._broadband or packet.type not in RAW_GROUPS:
            self.counts.other += 1
        elif len(packet.body) != (self._n_channels + 1) // 2 * 4:
            self.counts.malformed += 1
        else:
            self._samples.append((device_ns, packet.body))

    def spikes(self, now_ns: int) -> list[Spike]:
        """The spikes that have waited long enough, each once, oldest first."""
        if self._clock.known:
            while self._arrived and self._arrived[0][0] + REORDER_NS <= now_ns:
                self._send_to(self._arrived.popleft()[1])
        spikes, self._spikes = self._spikes, []
        return spikes

    def samples(self) -> tuple[list[int], AnyArray]:
        """Times of the LSL clock, and voltage ``(sample, channel)`` in µV, of what came."""
        came = sorted(self._samples) if self._clock.known else []
        if came:
            self._samples = []
        self.counts.samples += len(came)
        bits = np.frombuffer(b"".join(body for _, body in came), dtype="<i2")
        bits = bits.reshape(len(came), (self._n_channels + 1) // 2 * 2)[:, : self._n_channels]
        voltage_uv = np.rint(bits / _BITS_PER_UV).astype(np.int16)
        return [self._clock.local_ns(time_ns) for time_ns, _ in came], voltage_uv

    def _send_to(self, device_ns: int) -> None:
        """Send what is not newer than a spike that has waited long enough."""
        while self._waiting and self._waiting[0][0] <= device_ns:
            time_ns, channel, unit = heapq.heappop(self._waiting)
            if self._sent_to_ns is not None and time_ns < self._sent_to_ns:
                self.counts.late += 1
            else:
                self._sent_to_ns = time_ns
            self._spikes.append(Spike(self._clock.local_ns(time_ns), channel, unit))
            self.counts.spikes += 1

    def _begin_anew(self) -> None:
        """The device's clock was set: send what waits by the old one, and learn the new one."""
        self.counts.clock_resets += 1
        if self._clock.known and self._waiting:
            self._send_to(max(self._waiting)[0])
        self.give_up()
        self._seen.clear()
        self._seen_at.clear()
        self._sent_to_ns = None
        self._clock, self._loss = DeviceClock(), LossCount(self.counts)

    def n_untimed(self) -> int:
        """Spikes and samples that wait for heartbeats to tell their time."""
        return 0 if self._clock.known else len(self._waiting) + len(self._samples)

    def give_up(self) -> None:
        """Drop and count what still waits."""
        self.counts.untimed += len(self._waiting) + len(self._samples)
        self._waiting.clear()
        self._arrived.clear()
        self._samples.clear()


class BlackrockSource:
    """Publishes what a UDP socket receives under the source name ``source``, until stopped."""

    def __init__(
        self, receiver: Receiver, labels: list[str], source: str, *, broadband: bool = False
    ) -> None:
        self._receiver = receiver
        info = announce(source, Kind.EVENTS, ["channel", "unit"], "", pylsl.IRREGULAR_RATE)
        add_electrodes(info, labels)
        self._events = pylsl.StreamOutlet(info, chunk_size=1)
        self._voltage: pylsl.StreamOutlet | None = None
        if broadband:
            voltage = announce(source, Kind.BROADBAND, labels, "microvolts", RATE_HZ)
            self._voltage = pylsl.StreamOutlet(voltage, chunk_size=1)

    def run(self, listener: socket.socket, stop: Event, note: Callable[[str], None]) -> None:
        """Receive and publish; ``note`` is told every few seconds what went wrong, if anything."""
        listener.settimeout(_POLL_S)
        told, told_at_ns = troubles(self._receiver.counts), local_now_ns()
        while not stop.is_set():
            try:
                datagram = listener.recv(_LARGEST_DATAGRAM)
            except TimeoutError:
                pass
            else:
                self._receiver.take(datagram, local_now_ns())
            now_ns = local_now_ns()
            self._publish(now_ns)
            if now_ns - told_at_ns >= _TOLD_EVERY_NS:
                found, told_at_ns = self._state(), now_ns
                if found != told:
                    note(found)
                    told = found
        self._publish(local_now_ns() + REORDER_NS)
        self._receiver.give_up()

    def _state(self) -> str:
        n_untimed = self._receiver.n_untimed()
        waiting = f"; no heartbeat of the device yet, {n_untimed} wait for it" if n_untimed else ""
        return troubles(self._receiver.counts) + waiting

    def _publish(self, now_ns: int) -> None:
        spikes = self._receiver.spikes(now_ns)
        if spikes:
            rows = np.array([spike[1:] for spike in spikes], dtype=np.int32)
            self._events.push_chunk(rows, [s_from_ns(spike.time_ns) for spike in spikes])
        if self._voltage is not None:
            times_ns, voltage_uv = self._receiver.samples()
            if times_ns:
                stamps_s = [s_from_ns(time_ns) for time_ns in times_ns]
                self._voltage.push_chunk(np.ascontiguousarray(voltage_uv), stamps_s)


def troubles(counts: Counts) -> str:
    """What went wrong so far, in a line."""
    good = ("packets", "spikes", "samples", "other", "elsewhere")
    bad = {name: n for name, n in asdict(counts).items() if n and name not in good}
    return ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in bad.items()) or "no trouble"


def open_listener(address: str, port: int) -> socket.socket:
    """A UDP socket bound to an interface's address; ConfigError if it can't be."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
        listener.bind((address, port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"--address {address} --port {port}: can't listen there ({error}): expected the "
            "address of this computer's interface to the device, and a port that no other "
            "program holds"
        ) from error
    return listener
