"""Read from a spike stream's metadata what it carries."""

from dataclasses import dataclass, fields

import numpy as np

from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.kinds import SPIKE_TYPES
from rt_ner.core.errors import StreamError
from rt_ner.decoding.input.settings import InputKind

# The columns of event streams, as found in the field; compared in lower case.
CHANNEL_LABELS = ("channel", "channels", "channel_id", "ch", "ch_id", "chan", "electrode")
_UNIT_LABELS = ("unit", "units", "unit_id", "sort", "cluster")
# The format of samples that are not numbers.
_TEXT = "string"
# Microvolts in each unit of voltage, which is written in one of these ways.
MICROVOLTS = {
    **dict.fromkeys(("v", "volts"), 1e6),
    **dict.fromkeys(("mv", "millivolts"), 1e3),
    **dict.fromkeys(("uv", "µv", "μv", "microvolts"), 1.0),
    **dict.fromkeys(("nv", "nanovolts"), 1e-3),
}

# What an operator calls a field.
_IN_WORDS = {"rate_hz": "rate in Hz", "columns": "channels", "microvolts": "microvolts per unit"}


def numpy_type(name: str) -> np.dtype[np.generic]:
    """Return NumPy's type of samples that LSL and XDF call by this name, such as ``double64``."""
    return np.dtype(name.replace("double64", "float64"))


@dataclass(frozen=True)
class SpikeStream:
    """The shape of a stream of spikes.

    Attributes
    ----------
    kind
        Raster, events or broadband.
    rate_hz
        Nominal sample rate in Hz; 0 for events.
    format
        Name of the samples' type, as XDF writes it, such as ``int16``.
    columns
        Label of each column of a sample; empty strings where the stream gives none.
    electrodes
        Labels of the electrodes that an event's channel numbers stand for, in their order.
    microvolts
        Microvolts in one unit of broadband voltage; 1 if the stream names no unit of voltage.

    """

    kind: InputKind
    rate_hz: float
    format: str
    columns: tuple[str, ...]
    electrodes: tuple[str, ...]
    microvolts: float = 1.0

    @property
    def period_ns(self) -> float:
        """Sample period of a regular stream in ns, not rounded to whole ones."""
        return NS_PER_S / self.rate_hz

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """NumPy's type of the samples."""
        return numpy_type(self.format)

    def column(self, known: tuple[str, ...]) -> int | None:
        """Return the column whose label is one of the known ones; None if there is none."""
        labels = [label.lower() for label in self.columns]
        return next((labels.index(name) for name in known if name in labels), None)

    @property
    def channel_column(self) -> int | None:
        """Column of an event that holds its channel's number; None if there is none."""
        return 0 if len(self.columns) == 1 else self.column(CHANNEL_LABELS)

    @property
    def unit_column(self) -> int | None:
        """Column of an event that holds its unit's number; None if there is none."""
        return self.column(_UNIT_LABELS)

    def changed(self, now: "SpikeStream") -> str:
        """Return the differences of another stream from this one, in words; empty if none."""
        changes = []
        for field in fields(self):
            was, is_now = getattr(self, field.name), getattr(now, field.name)
            if was != is_now:
                if isinstance(was, tuple):
                    was, is_now = _where_different(was, is_now)
                name = _IN_WORDS.get(field.name, field.name)
                changes.append(f"{name}: expected {was}, found {is_now}")
        return "; ".join(changes)


@dataclass(frozen=True)
class StreamHeader:
    """A stream's description of itself, live or in a file.

    Attributes
    ----------
    name, type
        LSL name and type.
    rate_hz
        Nominal sample rate in Hz; 0 if irregular.
    n_channels
        Number of values in a sample.
    format
        Name of the samples' type, as XDF writes it: ``int16``, ``float32``, ``string``, ….
    labels, units
        One per channel, or none.
    electrodes
        Labels of the electrodes that an event's channel numbers stand for, in their order.

    """

    name: str
    type: str
    rate_hz: float
    n_channels: int
    format: str
    labels: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    electrodes: tuple[str, ...] = ()


def spike_stream_of(header: StreamHeader, wanted: InputKind) -> SpikeStream:
    """Return the shape of the spike stream that a header describes.

    Parameters
    ----------
    header
        The stream's description of itself.
    wanted
        The kind that the stream must be; `InputKind.AUTO`: as the header says.

    Returns
    -------
    SpikeStream
        Kind, rate, format and labels.

    Raises
    ------
    StreamError
        If the stream can't be of the wanted kind.

    """
    name = f"stream '{header.name}'"
    if header.format == _TEXT:
        raise StreamError(f"{name} sends text: expected numbers; pick another with --source")
    kind = _kind_of(header) if wanted is InputKind.AUTO else wanted
    if header.rate_hz <= 0 and kind is not InputKind.EVENTS:
        raise StreamError(
            f"{name} has no regular rate, so it can't be {kind}: set kind in [input] to events, or "
            "announce its sample rate in its header"
        )
    if header.rate_hz > 0 and kind is InputKind.EVENTS:
        raise StreamError(
            f"{name} has a regular rate of {header.rate_hz:g} Hz, so it can't be events: set kind "
            "in [input] to raster or broadband"
        )
    is_labelled = len(header.labels) == header.n_channels
    columns = header.labels if is_labelled else ("",) * header.n_channels
    named = header.electrodes if kind is InputKind.EVENTS else ()
    microvolts = _microvolts(header.units) if kind is InputKind.BROADBAND else 1.0
    return SpikeStream(kind, header.rate_hz, header.format, columns, named, microvolts)


def _microvolts(units: tuple[str, ...]) -> float:
    """Return the microvolts in the first unit of voltage; 1 if there is none."""
    known = (MICROVOLTS[unit.lower()] for unit in units if unit.lower() in MICROVOLTS)
    return next(known, 1.0)


def _where_different(was: tuple[str, ...], now: tuple[str, ...]) -> tuple[object, object]:
    """Return the sizes of two lists; if they are equal, the first pair that differs."""
    if len(was) != len(now):
        return len(was), len(now)
    return next(pair for pair in zip(was, now, strict=True) if pair[0] != pair[1])


def _kind_of(header: StreamHeader) -> InputKind:
    """Return events if irregular, broadband if of type Ephys or in volts, otherwise raster."""
    if header.rate_hz <= 0:
        return InputKind.EVENTS
    raster_type, _, broadband_type = SPIKE_TYPES
    units = {unit.lower() for unit in header.units}
    if header.type == broadband_type or (header.type != raster_type and units & {*MICROVOLTS}):
        return InputKind.BROADBAND
    return InputKind.RASTER
