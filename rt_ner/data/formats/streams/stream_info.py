"""Streams of a recording, described by their headers, and the choice among them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from xml.etree import ElementTree

import numpy as np

from rt_ner.core.contract.kinds import SPIKE_TYPES
from rt_ner.core.errors import StreamError
from rt_ner.core.quantities.units import cm_per_unit
from rt_ner.decoding.input.settings import InputKind
from rt_ner.decoding.input.spike_stream import (
    SpikeStream,
    StreamHeader,
    numpy_type,
    spike_stream_of,
)

_COUNTS_TYPE, _KINEMATICS_TYPE, _POSITION_TYPE = "Counts", "Kinematics", "Position"
# In order of preference.
_MOVEMENTS = (
    (_KINEMATICS_TYPE, {"vx", "vy"}),
    (_KINEMATICS_TYPE, {"x", "y"}),
    (_POSITION_TYPE, {"x", "y"}),
)


@dataclass(frozen=True, eq=False, repr=False)
class StreamInfo:
    """A stream, as described by its header."""

    number: int
    header: ElementTree.Element
    n_samples: int

    @property
    def name(self) -> str:
        """Name of the stream."""
        return self._text("name")

    @property
    def type(self) -> str:
        """LSL type of the stream."""
        return self._text("type")

    @property
    def rate_hz(self) -> float:
        """Nominal rate in Hz; 0 if irregular."""
        return float(self._text("nominal_srate"))

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return int(self._text("channel_count"))

    @property
    def format(self) -> str:
        """Format of the values."""
        return self._text("channel_format")

    @property
    def source_id(self) -> str:
        """Identity of the sender."""
        return self._text("source_id")

    @property
    def source(self) -> str:
        """First part of the source_id in rt-ner's own streams, otherwise the name."""
        return self.source_id.rpartition("/")[0] or self.name

    @property
    def host(self) -> str:
        """Computer that sent the stream."""
        return self._text("hostname")

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Labels of the channels."""
        return self._channel_texts("label")

    @cached_property
    def units(self) -> tuple[str, ...]:
        """Units of the channels."""
        return self._channel_texts("unit")

    @cached_property
    def columns(self) -> dict[str, int]:
        """Columns by lower-case label."""
        return {label.lower(): index for index, label in enumerate(self.labels)}

    @cached_property
    def cm_per_unit(self) -> float | None:
        """Factor from the stream's unit to cm or cm/s; None if the unit is unknown."""
        return cm_per_unit(next(iter(self.units), ""))

    @property
    def is_markers(self) -> bool:
        """True for a stream of texts with samples."""
        return self.format == "string" and self.n_channels == 1 and self.n_samples > 0

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """NumPy's type of the values of a stream of numbers."""
        return numpy_type(self.format)

    @cached_property
    def is_voltage(self) -> bool:
        """True for a stream of broadband voltage."""
        try:
            is_broadband = self.spike_stream().kind is InputKind.BROADBAND
        except StreamError:
            return False
        return self.type in SPIKE_TYPES and is_broadband

    def spike_stream(self) -> SpikeStream:
        """Return the form in which the stream carries spikes, as the live decoder sees it."""
        header = StreamHeader(
            name=self.name,
            type=self.type,
            rate_hz=self.rate_hz,
            n_channels=self.n_channels,
            format=self.format,
            labels=self.labels,
            units=self.units,
            electrodes=tuple(
                (electrode.findtext("label") or "").strip()
                for electrode in self.header.iterfind("desc/electrodes/electrode")
            ),
        )
        # A decoder's own counts are a raster, but nothing else in their header shows it.
        wanted = InputKind.RASTER if self.type == _COUNTS_TYPE else InputKind.AUTO
        return spike_stream_of(header, wanted)

    def describe(self) -> str:
        """Return one line about the stream."""
        rate = f"{self.rate_hz:g} Hz" if self.rate_hz else "irregular rate"
        return (
            f"'{self.name}', type {self.type}: {self.n_channels} channels, {rate}, "
            f"{self.n_samples:,} samples"
        )

    def _text(self, path: str) -> str:
        return (self.header.findtext(path) or "").strip()

    def _channel_texts(self, tag: str) -> tuple[str, ...]:
        channels = self.header.iterfind("desc/channels/channel")
        return tuple((channel.findtext(tag) or "").strip() for channel in channels)


def spike_streams(streams: Sequence[StreamInfo]) -> list[StreamInfo]:
    """Return the streams with spikes; a decoder's counts if there are no others."""
    filled = [stream for stream in streams if stream.n_samples and stream.format]
    raw = [stream for stream in filled if stream.type in SPIKE_TYPES]
    return raw or [stream for stream in filled if stream.type == _COUNTS_TYPE]


def movement_stream(streams: Sequence[StreamInfo]) -> StreamInfo | None:
    """Return the stream with the subject's movement: a velocity, or else a position."""
    for lsl_type, labels in _MOVEMENTS:
        for stream in streams:
            is_wanted = stream.type == lsl_type and stream.columns.keys() >= labels
            # A stream with a radius is a target, not a movement.
            if is_wanted and stream.n_samples > 1 and "radius" not in stream.columns:
                return stream
    return None


def decoder_provenance(streams: Sequence[StreamInfo]) -> dict[str, str]:
    """Return the description of the decoder that ran during the recording; empty without one."""
    for stream in streams:
        about = stream.header.find("desc/about")
        if about is not None and about.find("bundle") is not None:
            return {f"decoder_{entry.tag}": entry.text or "" for entry in about}
    return {}
