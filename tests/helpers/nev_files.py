"""Blackrock files, built byte by byte from Blackrock's file specification 2.3."""

import struct
from collections.abc import Sequence

import numpy as np

_ORIGIN = struct.pack("<8H", 2016, 10, 5, 7, 12, 0, 0, 0)
_SAMPLES = 48


def nev(labels: Sequence[str], spikes: Sequence[tuple[int, int, int]]) -> bytes:
    """Return a NEV file; ``spikes`` are time in ticks of 1/30000 s, electrode from 1, and unit."""
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
    packets = b"".join(
        struct.pack("<IHBB", time, electrode, unit, 0) + bytes(2 * _SAMPLES)
        for time, electrode, unit in spikes
    )
    return header + extended + packets


def nsx(labels: Sequence[str], values: np.ndarray, period: int = 1) -> bytes:
    """Return an NSx file of int16 ``(sample, channel)``, a sample every ``period``/30000 s."""
    extended = b"".join(
        struct.pack(
            "<2sH16sBBhhhh16sIIHIIH", b"CC", number + 1, label.encode(), 1, number + 1,
            -8191, 8191, -5000, 5000, b"mV", 0, 0, 0, 0, 0, 0,
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
