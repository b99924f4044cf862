"""Blackrock files, built byte by byte from Blackrock's file specification 2.3."""

import struct
from collections.abc import Sequence

import numpy as np

_ORIGIN = struct.pack("<8H", 2016, 10, 5, 7, 12, 0, 0, 0)
_SAMPLES = 48


def nev(
    labels: Sequence[str],
    spikes: Sequence[tuple[int, int, int]],
    words: Sequence[tuple[int, int]] = (),
    comments: Sequence[tuple[int, str]] = (),
    serial: Sequence[tuple[int, int]] = (),
) -> bytes:
    """Return a NEV file; ``spikes`` are time in ticks of 1/30000 s, electrode from 1, and unit.

    ``words`` and ``serial`` are times and codes of both inputs. Comments are UTF-16 if need be.
    """
    extended = b""
    for number, label in enumerate(labels):
        extended += struct.pack(
            "<8sHBBHHhhBBH8s",
            b"NEUEVWAV",
            number + 1,
            1,
            number + 1,
            250,
            0,
            0,
            -60,
            0,
            2,
            _SAMPLES,
            b"",
        )
        extended += struct.pack("<8sH16s6s", b"NEUEVLBL", number + 1, label.encode(), b"")
    packet_bytes = 8 + 2 * _SAMPLES
    header = (
        b"NEURALEV"
        + bytes([2, 3])
        + struct.pack("<HIIII", 1, 336 + len(extended), packet_bytes, 30_000, 30_000)
    )
    header += _ORIGIN + struct.pack("<32s256sI", b"test", b"", len(extended) // 32)
    packets = [
        (time, struct.pack("<IHBB", time, electrode, unit, 0)) for time, electrode, unit in spikes
    ]
    for reason, codes in ((1, words), (129, serial)):
        packets += [(time, struct.pack("<IHBBH", time, 0, reason, 0, code)) for time, code in codes]
    for time, text in comments:
        content = text.encode("latin-1" if text.isascii() else "utf-16-le")
        packets.append(
            (time, struct.pack("<IHBBI", time, 0xFFFF, 0 if text.isascii() else 1, 0, 0) + content)
        )
    in_order = sorted(packets, key=lambda packet: packet[0])
    return header + extended + b"".join(one.ljust(packet_bytes, b"\0") for _, one in in_order)


def nsx(
    labels: Sequence[str],
    values: np.ndarray,
    period: int = 1,
    unit: str = "mV",
    largest: int = 5000,
) -> bytes:
    """Return an NSx file of int16 ``(sample, channel)``, a sample every ``period``/30000 s.

    8191 stands for ``largest`` of the unit.
    """
    extended = b"".join(
        struct.pack(
            "<2sH16sBBhhhh16sIIHIIH", b"CC", number + 1, label.encode(), 1, number + 1,
            -8191, 8191, -largest, largest, unit.encode(), 0, 0, 0, 0, 0, 0,
        )
        for number, label in enumerate(labels)
    )  # fmt: skip
    header = (
        b"NEURALCD"
        + bytes([2, 3])
        + struct.pack("<I16s256sII", 314 + len(extended), b"test", b"", period, 30_000)
    )
    header += _ORIGIN + struct.pack("<I", len(labels))
    data = struct.pack("<BII", 1, 0, len(values)) + values.astype("<i2").tobytes()
    return header + extended + data
