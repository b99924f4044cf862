"""Inlet: a pinned, checked raster stream, drained into reused buffers on local integer time."""

import socket

import numpy as np
import pylsl

from rt_ner.clock import NS_PER_S, ns_array_from_s, ns_from_s
from rt_ner.errors import StreamError
from rt_ner.messages import RasterChunk
from rt_ner.streams import local_now_ns

_MAX_SAMPLES = 1024
_BUFFER_S = 60
_CONNECT_TIMEOUT_S = 5.0


class StreamLostError(Exception):
    """The source has gone."""


class RasterInlet:
    """Reads raster chunks of the stream ``info``, whose channels must be the bundle's.

    Recovery is not left to liblsl (it would take any stream with the same source_id, of any
    shape, for ever): `pull` raises StreamLostError and the loop connects anew.
    """

    def __init__(self, info: pylsl.StreamInfo, channel_ids: tuple[str, ...]) -> None:
        self._inlet = pylsl.StreamInlet(info, max_buflen=_BUFFER_S, recover=False)
        try:
            full_info = self._inlet.info(_CONNECT_TIMEOUT_S)
        except (pylsl.util.TimeoutError, pylsl.util.LostError) as error:
            raise StreamLostError(str(error)) from error
        self.period_ns = _checked_period_ns(full_info)
        _check_channels(full_info, channel_ids)
        self._counts = np.zeros((_MAX_SAMPLES, len(channel_ids)), dtype=self._inlet.np_dtype)
        self._offset_ns = 0
        self._same_host = full_info.hostname() == socket.gethostname()
        self.arrived_ns = 0

    @property
    def counts_dtype(self) -> np.dtype[np.generic]:
        """Type of the counts, as sent."""
        dtype: np.dtype[np.generic] = self._counts.dtype
        return dtype

    def open(self) -> None:
        """Subscribe: from here on the source's samples are queued.

        Stamps of another host are moved to the local clock; on the same host both are one clock,
        and an estimated offset would only add its error.
        """
        try:
            self._inlet.open_stream(_CONNECT_TIMEOUT_S)
            if not self._same_host:
                self._offset_ns = ns_from_s(self._inlet.time_correction(_CONNECT_TIMEOUT_S))
        except (pylsl.util.TimeoutError, pylsl.util.LostError) as error:
            raise StreamLostError(str(error)) from error

    def pull(self, timeout_s: float) -> RasterChunk | None:
        """All samples that wait, at least one; None if none comes within ``timeout_s``.

        The chunk's arrays are reused at the next pull.
        """
        try:
            counts, stamps_s = self._inlet.pull_chunk(
                timeout_s, _MAX_SAMPLES, self._counts, min_samples=1, as_numpy=True
            )
        except pylsl.util.LostError as error:
            raise StreamLostError(str(error)) from error
        self.arrived_ns = local_now_ns()
        if not len(stamps_s):
            return None
        return RasterChunk(ns_array_from_s(stamps_s) + self._offset_ns, counts)


def _checked_period_ns(info: pylsl.StreamInfo) -> int:
    rate_hz = float(info.nominal_srate())
    if rate_hz <= 0:
        raise StreamError(
            f"stream '{info.name()}' has no regular rate: a raster of counts was expected, with "
            "its sample rate in the stream's header"
        )
    if info.channel_format() == pylsl.cf_string:
        raise StreamError(f"stream '{info.name()}' sends text: a raster of counts was expected")
    return round(NS_PER_S / rate_hz)


def _check_channels(info: pylsl.StreamInfo, channel_ids: tuple[str, ...]) -> None:
    """Raise StreamError unless the stream's channels are the bundle's, in the same order."""
    if info.channel_count() != len(channel_ids):
        raise StreamError(
            f"stream '{info.name()}' has {info.channel_count()} channels, the bundle was trained "
            f"on {len(channel_ids)}: decode with a bundle of this array, or pick another stream "
            "with --source"
        )
    # Without labels a source can only be checked by its shape.
    labels = info.get_channel_labels() or [None] * len(channel_ids)
    for position, (label, channel_id) in enumerate(zip(labels, channel_ids, strict=True)):
        if label and label != channel_id:
            raise StreamError(
                f"channel {position + 1} of stream '{info.name()}' is '{label}', the bundle "
                f"expects '{channel_id}': decode with a bundle of this array"
            )
