"""XDF files, built byte by byte from the format's specification."""

import struct
from collections.abc import Sequence
from xml.sax.saxutils import escape

import numpy as np

_FORMATS = {"int16": "<h", "int32": "<i", "float32": "<f", "double64": "<d"}


def chunk(tag: int, content: bytes) -> bytes:
    body = struct.pack("<H", tag) + content
    return bytes([4]) + struct.pack("<I", len(body)) + body


def boundary() -> bytes:
    signature = bytes.fromhex("43a546dccbf5410fb30ed546739ccbe4")
    return bytes([1, 18]) + struct.pack("<H", 5) + signature


class Stream:
    """A stream of numbers, or of texts if ``fmt`` is string."""

    def __init__(
        self, number: int, name: str, lsl_type: str, labels: Sequence[str], rate_hz: float, *,
        fmt: str = "double64", unit: str = "", host: str = "rig", electrodes: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.number, self.fmt = number, fmt
        channels = "".join(
            f"<channel><label>{escape(label)}</label><unit>{unit}</unit></channel>"
            for label in labels
        )
        named = "".join(f"<electrode><label>{label}</label></electrode>" for label in electrodes)
        self.xml = (
            f"<info><name>{name}</name><type>{lsl_type}</type><channel_count>{len(labels)}"
            f"</channel_count><nominal_srate>{rate_hz}</nominal_srate><channel_format>{fmt}"
            f"</channel_format><source_id>{name}</source_id><hostname>{host}</hostname><desc>"
            f"<channels>{channels}</channels><electrodes>{named}</electrodes></desc></info>"
        )

    def header(self) -> bytes:
        return chunk(2, struct.pack("<I", self.number) + self.xml.encode())

    def samples(self, stamps_s: Sequence[float], values: Sequence[Sequence[object]]) -> bytes:
        content = bytearray(
            struct.pack("<I", self.number) + bytes([4]) + struct.pack("<I", len(stamps_s))
        )
        for stamp_s, row in zip(stamps_s, values, strict=True):
            content += bytes([8]) + struct.pack("<d", stamp_s)
            for value in row:
                if self.fmt == "string":
                    text = str(value).encode()
                    content += bytes([4]) + struct.pack("<I", len(text)) + text
                else:
                    content += struct.pack(_FORMATS[self.fmt], value)
        return chunk(3, bytes(content))

    def offset(self, at_s: float, offset_s: float) -> bytes:
        return chunk(4, struct.pack("<Idd", self.number, at_s, offset_s))

    def footer(self) -> bytes:
        return chunk(6, struct.pack("<I", self.number) + b"<info></info>")


def xdf(*parts: bytes) -> bytes:
    return b"XDF:" + chunk(1, b"<info><version>1.0</version></info>") + b"".join(parts)


def reach_recording(
    n_samples: int = 2000,
    shift_s: float = 0.0,
    host: str = "rig",
    left_out: slice = slice(0),
    button: str = "",
    presses: bool = True,
) -> tuple[bytes, np.ndarray]:
    """Return two seconds of a raster, kinematics and one trial, from 1800 s; and the counts.

    ``shift_s`` is the lag of the kinematics' clock, on the computer ``host``. ``button`` is the
    label of a column of the kinematics that is 1 in every third sample, if it is pressed.
    """
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.05, (n_samples, 3))
    kept = np.delete(np.arange(n_samples), np.arange(n_samples)[left_out])
    stamps_s = 1800.0 + (np.arange(n_samples) + 1) / 1000
    spikes = Stream(1, "amp", "Spikes", ["a", "b", "c"], 1000, fmt="int16")
    hand = Stream(
        2, "hand", "Kinematics", ["vx", "vy"] + [button] * bool(button), 0, unit="mm/s", host=host
    )
    events = Stream(3, "task", "Markers", ["event"], 0, fmt="string")
    hand_s = stamps_s[9::10]
    velocity = np.stack([10 * np.sin(hand_s), 10 * np.cos(hand_s)], axis=1)
    if button:
        velocity = np.column_stack([velocity, presses & (np.arange(len(hand_s)) % 3 == 2)])
    markers = [
        ["session_zero"], ["trial_start 0"], ["go 0 direction_deg=45"], ["trial_end 0"],
        ["trial_start 1"],
    ]  # fmt: skip
    offsets = [
        stream.offset(1800.0 + 0.2 * k, offset_s)
        for k in range(11)
        for stream, offset_s in ((spikes, 0.0), (hand, shift_s), (events, 0.0))
    ]
    parts = [stream.header() for stream in (spikes, hand, events)]
    for block in np.array_split(kept, 4):
        parts += [spikes.samples(stamps_s[block], counts[block].tolist()), boundary()]
    parts.append(hand.samples(hand_s - shift_s, velocity.tolist()))
    parts.append(events.samples([1800.0, 1800.0, 1800.5, 1801.5, 1801.9], markers))
    parts += offsets + [stream.footer() for stream in (spikes, hand, events)]
    return xdf(*parts), counts
