"""An emulator of a Blackrock device's packets, with a bad network between.

Written after the protocol's published layout, not checked against a device.
"""

import struct
from dataclasses import dataclass

import numpy as np

from drivers.blackrock.packets import CONFIGURATION, HEADER, HEARTBEAT_TYPE, MONITOR, MONITOR_TYPE

_STEP_NS = 10_000_000
_WAVE = struct.Struct("<3f2h")


def packet(time: int, channel: int, kind: int, body: bytes = b"") -> bytes:
    return HEADER.pack(time, channel, kind, len(body) // 4, 0, 0) + body


def spike(time: int, channel: int, unit: int) -> bytes:
    return packet(time, channel, unit, _WAVE.pack(0, 0, 0, 0, 0) + bytes(96))


def heartbeat(time: int) -> bytes:
    return packet(time, CONFIGURATION, HEARTBEAT_TYPE)


def monitor(time: int, sent: int, number: int) -> bytes:
    return packet(time, CONFIGURATION, MONITOR_TYPE, MONITOR.pack(sent, number))


@dataclass
class Network:
    loss: float = 0.01
    duplication: float = 0.01
    jitter_ns: int = 3_000_000
    lose_monitors: bool = True


@dataclass
class Emulator:
    """`offset_ns` + (1 + `drift`)·device time is the LSL clock's time."""

    n_channels: int = 96
    rate_hz: float = 100.0
    offset_ns: int = 123_456_789_012
    drift: float = 50e-6
    seed: int = 0

    def local_ns(self, device_ns: int) -> int:
        return self.offset_ns + device_ns + round(self.drift * device_ns)

    def device_packets(self, seconds: float) -> list[tuple[int, bytes]]:
        """Device time of sending, and packet."""
        rng = np.random.default_rng(self.seed)
        n_spikes = round(self.n_channels * self.rate_hz * seconds)
        times = np.sort(rng.choice(round(seconds * 1e6), n_spikes, replace=False) * 1000)
        channels = rng.integers(1, self.n_channels + 1, n_spikes)
        ends = np.arange(_STEP_NS, round(seconds * 1e9) + 1, _STEP_NS)
        lasts = np.searchsorted(times, ends)
        sent, first = [], 0
        for number, (end, last) in enumerate(zip(ends.tolist(), lasts.tolist(), strict=True), 1):
            for k in range(first, last):
                sent.append((int(times[k]), spike(int(times[k]), int(channels[k]), k % 4)))
            sent.append((end, heartbeat(end)))
            sent.append((end, monitor(end, last - first + 2, number)))
            first = last
        return sent

    def deliver(self, seconds: float, net: Network) -> tuple[list[tuple[int, bytes]], list[bytes]]:
        """Return what arrives, (LSL ns, packet) by arrival, and the packets that were lost."""
        rng = np.random.default_rng(self.seed + 1)
        arriving, lost = [], []
        for sent_ns, raw in self.device_packets(seconds):
            is_monitor = HEADER.unpack_from(raw)[1:3] == (CONFIGURATION, MONITOR_TYPE)
            if rng.random() < net.loss and (net.lose_monitors or not is_monitor):
                lost.append(raw)
                continue
            for _ in range(1 + (rng.random() < net.duplication)):
                delay_ns = int(rng.integers(0, net.jitter_ns + 1))
                arriving.append((self.local_ns(sent_ns) + delay_ns, raw))
        return sorted(arriving, key=lambda item: item[0]), lost
