"""Announce and encode spikes as a raster of counts, as single events or as broadband voltage."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pylsl

from rt_ner.core.arrays import AnyArray
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.kinds import BROADBAND_HZ, Kind
from rt_ner.lsl.sending.outlet import open_sender
from rt_ner.lsl.streams import EVENT_BUFFER_S, add_electrodes, announce

_LSL_FORMATS = {
    np.dtype(np.int16): pylsl.cf_int16,
    np.dtype(np.int32): pylsl.cf_int32,
    np.dtype(np.float32): pylsl.cf_float32,
}


class RasterEncoding:
    """Spike counts per sample and channel: as int16, or as float32, which can also hold NaN."""

    kind = Kind.SPIKES

    def __init__(
        self, channel_ids: Sequence[str], period_ns: int, dtype: npt.DTypeLike = np.int16
    ) -> None:
        self._channel_ids = channel_ids
        self._dtype = np.dtype(dtype)
        self.period_ns = period_ns

    def open(self, source: str, at_once: bool = False) -> pylsl.StreamOutlet:
        """Announce the raster and open it; ``at_once``: it leaves from the sender's thread."""
        rate_hz, lsl_format = NS_PER_S / self.period_ns, _LSL_FORMATS[self._dtype]
        info = announce(source, self.kind, self._channel_ids, "spikes", rate_hz, lsl_format)
        return open_sender(info, at_once)

    def encode(self, counts: AnyArray) -> AnyArray:
        """Return counts ``(sample, channel)`` as they are sent."""
        return np.ascontiguousarray(counts, self._dtype)


class EventEncoding:
    """Single spikes, with columns for channel and unit: as int32, or as float32.

    Channels are counted from 1; the stream's metadata name their electrodes in order.
    """

    kind = Kind.EVENTS
    period_ns = None

    def __init__(self, channel_ids: Sequence[str], dtype: npt.DTypeLike = np.int32) -> None:
        self._channel_ids = channel_ids
        self._dtype = np.dtype(dtype)

    def open(self, source: str, at_once: bool = False) -> pylsl.StreamOutlet:
        """Announce the events and open them; ``at_once``: they leave from the sender's thread."""
        labels, lsl_format = ["channel", "unit"], _LSL_FORMATS[self._dtype]
        info = announce(source, self.kind, labels, "", pylsl.IRREGULAR_RATE, lsl_format)
        add_electrodes(info, self._channel_ids)
        return open_sender(info, at_once, buffer_s=EVENT_BUFFER_S)

    def encode(self, channel: npt.ArrayLike, unit: npt.ArrayLike) -> AnyArray:
        """Return channel and unit numbers ``(spike,)`` as rows ``(spike, 2)`` as they are sent."""
        return np.stack([np.asarray(channel), np.asarray(unit)], axis=1).astype(self._dtype)


class BroadbandEncoding:
    """Voltage at 30 kHz, in microvolts as int16; liblsl sends ``chunk_size`` samples at once."""

    kind = Kind.BROADBAND
    period_ns = round(NS_PER_S / BROADBAND_HZ)

    def __init__(self, channel_ids: Sequence[str], chunk_size: int = 1) -> None:
        self._channel_ids = channel_ids
        self._chunk_size = chunk_size

    def open(self, source: str, at_once: bool = False) -> pylsl.StreamOutlet:
        """Announce the voltage and open its stream.

        LSL's thread sends it in any case: a client's buffer would be full within a second.
        """
        del at_once
        info = announce(source, self.kind, self._channel_ids, "microvolts", BROADBAND_HZ)
        return pylsl.StreamOutlet(info, chunk_size=self._chunk_size)

    def encode(self, voltage_uv: AnyArray) -> AnyArray:
        """Return voltage ``(sample, channel)`` as it is sent, to the nearest microvolt."""
        return np.ascontiguousarray(np.rint(voltage_uv).astype(np.int16))


Encoding = RasterEncoding | EventEncoding | BroadbandEncoding
