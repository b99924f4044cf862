"""Read packets of Blackrock's NSP and Gemini, protocol 4.1 and later, as UDP carries them.

Written after the published layout and tested with an emulator only, never with a device. A datagram
holds one or more whole packets, little-endian, each a header of 16 bytes and a body of ``dlen``
words of 4 bytes.
"""

import struct
from enum import Enum, auto
from typing import NamedTuple

# Time, channel, type, words of the body, instrument, reserved.
HEADER = struct.Struct("<QHHHBB")
# Packets sent since the last monitor (itself included), and monitors sent so far.
MONITOR = struct.Struct("<II")
CONFIGURATION = 0x8000
HEARTBEAT_TYPE, MONITOR_TYPE = 0, 1
RAW_GROUPS = (5, 6)
_WORD_BYTES = 4
_MOST_WORDS = 252
_GROUPS = range(1, 7)


class Content(Enum):
    """Content of a packet."""

    EVENT = auto()  # a spike on a channel, or another input's event
    GROUP = auto()  # one sample of each channel of a sample group
    HEARTBEAT = auto()
    MONITOR = auto()
    OTHER = auto()


class Packet(NamedTuple):
    """One packet. ``time`` is in ticks of the device's clock, ``raw`` holds all bytes."""

    content: Content
    time: int
    channel: int
    type: int
    raw: bytes

    @property
    def body(self) -> bytes:
        """Bytes that follow the header."""
        return self.raw[HEADER.size :]


def parse(datagram: bytes) -> tuple[list[Packet], bool]:
    """Return the packets of a datagram up to the first that is cut short, and True if one was."""
    packets: list[Packet] = []
    begin = 0
    while begin < len(datagram):
        if len(datagram) - begin < HEADER.size:
            return packets, True
        time, channel, kind, words, _, _ = HEADER.unpack_from(datagram, begin)
        end = begin + HEADER.size + words * _WORD_BYTES
        if words > _MOST_WORDS or end > len(datagram):
            return packets, True
        raw = datagram[begin:end]
        packets.append(Packet(_content(channel, kind, words), time, channel, kind, raw))
        begin = end
    return packets, False


def _content(channel: int, kind: int, words: int) -> Content:
    if channel == 0:
        return Content.GROUP if kind in _GROUPS else Content.OTHER
    if channel < CONFIGURATION:
        return Content.EVENT
    if channel == CONFIGURATION and kind == HEARTBEAT_TYPE:
        return Content.HEARTBEAT
    if channel == CONFIGURATION and kind == MONITOR_TYPE:
        return Content.MONITOR if words * _WORD_BYTES >= MONITOR.size else Content.OTHER
    return Content.OTHER
