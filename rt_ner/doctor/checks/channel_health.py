"""Measure the health of a spike stream's channels: silent, flat, hot and noisy ones."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rt_ner.core.arrays import AnyArray, FloatArray, Int64Array
from rt_ner.core.errors import StreamError
from rt_ner.decoding.binning.detector import Detector
from rt_ner.decoding.binning.kernels.filter import MAX_VOLTAGE
from rt_ner.decoding.input.channels import hot_channels, median_of_positive
from rt_ner.decoding.input.settings import InputKind
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.live.settings import DecodeSettings

# A channel's noise stands out if it is this many times the median, or this many times less.
_NOISE_RATIO = 3.0
# Channel numbers are below this.
_N_NUMBERS = 65_536
# Largest part of the listening time from which thresholds are learned.
_LEARN_PART = 0.6


@dataclass(frozen=True, eq=False)
class ChannelHealth:
    """Health of the channels of a spike stream, from some seconds of it.

    ``labels`` are those of the channels, empty if none is known. ``level`` ``(channel,)`` is the
    firing rate or the noise of the voltage, in ``unit``, NaN if not known. ``dead`` channels have
    no spike or are flat. ``high`` and ``low`` channels have a level that stands out. ``n_invalid``
    counts samples or events that can't be used.
    """

    labels: tuple[str, ...]
    level: FloatArray
    unit: str
    dead: tuple[str, ...]
    high: tuple[str, ...]
    low: tuple[str, ...]
    n_invalid: int

    @property
    def median_level(self) -> float:
        """Median level of the channels that are not dead."""
        return median_of_positive(self.level)


class Gauge(Protocol):
    """Measures the channels of one kind of stream."""

    def take(self, values: AnyArray) -> None:
        """Take samples or events ``(sample, column)``; the caller may reuse the array."""
        ...

    def health(self, listened_s: float) -> ChannelHealth:
        """Return the health by everything that came in ``listened_s``."""
        ...


class RasterGauge:
    """Measures spike counts, with one channel per column."""

    def __init__(self, stream: SpikeStream) -> None:
        self._labels = _labels_of(stream)
        self._period_s = 1 / stream.rate_hz
        self._totals = np.zeros(len(self._labels))
        self._n_samples = self._n_invalid = 0

    def take(self, values: AnyArray) -> None:
        """Add the counts of samples that hold counts."""
        valid = ((values >= 0) & (values < np.inf)).all(axis=1)
        self._totals += values[valid].sum(axis=0)
        self._n_samples += len(values)
        self._n_invalid += int(len(values) - valid.sum())

    def health(self, listened_s: float) -> ChannelHealth:  # noqa: ARG002 - samples have a length
        """Return the rates in the time that the samples cover."""
        covered_s = self._n_samples * self._period_s
        return _of_rates(self._labels, self._totals, covered_s, self._n_invalid)


class EventGauge:
    """Measures single spikes. If the stream lists no electrodes, only those that fire are known."""

    def __init__(self, stream: SpikeStream, column: int, base: int) -> None:
        """``column`` holds the channel's number; ``base`` is the number of the first channel."""
        self._column = column
        self._electrodes = stream.electrodes
        self._base = base
        self._counts: Int64Array = np.zeros(_N_NUMBERS, dtype=np.int64)
        self._n_events = 0

    def take(self, values: AnyArray) -> None:
        """Count the events of each channel."""
        number = values[:, self._column].astype(np.float64) - self._base
        known = number[(number >= 0) & (number < _N_NUMBERS) & (number == np.floor(number))]
        self._counts += np.bincount(known.astype(np.int64), minlength=_N_NUMBERS)
        self._n_events += len(values)

    def health(self, listened_s: float) -> ChannelHealth:
        """Return the rates in the listening time, since for events silence is data."""
        labels, counts = self._electrodes, self._counts[: len(self._electrodes)]
        if not labels:
            fired = np.flatnonzero(self._counts)
            labels, counts = tuple(str(self._base + row) for row in fired), self._counts[fired]
        n_invalid = self._n_events - int(counts.sum())
        return _of_rates(labels, counts.astype(np.float64), listened_s, n_invalid)


class VoltageGauge:
    """Measures voltages: their range, and their noise as the spike detector sees it."""

    def __init__(self, stream: SpikeStream, unit: str, detector: Detector) -> None:
        self._labels = _labels_of(stream)
        self._unit = unit
        self._detector = detector
        self._least = np.full(len(self._labels), np.inf)
        self._most = np.full(len(self._labels), -np.inf)
        self._n_invalid = 0

    def take(self, values: AnyArray) -> None:
        """Update the range; filter until the noise is known."""
        self._n_invalid += int((~(np.abs(values) <= MAX_VOLTAGE).all(axis=1)).sum())
        self._least = np.fmin(self._least, np.fmin.reduce(values, axis=0))
        self._most = np.fmax(self._most, np.fmax.reduce(values, axis=0))
        if not self._detector.learned:
            self._detector.read(values, np.zeros(values.shape, dtype=np.int8))

    def health(self, listened_s: float) -> ChannelHealth:  # noqa: ARG002 - no rate is measured
        """Return flat channels, and those whose noise is far from the median."""
        noise, dead = self._detector.rms.copy(), ~(self._most > self._least)
        noise[dead] = 0.0
        median = median_of_positive(noise)
        return ChannelHealth(
            self._labels,
            noise,
            self._unit,
            _chosen(self._labels, dead),
            _chosen(self._labels, noise > _NOISE_RATIO * median),
            _chosen(self._labels, ~dead & (noise < median / _NOISE_RATIO)),
            self._n_invalid,
        )


def gauge_for(stream: SpikeStream, unit: str, settings: DecodeSettings, seconds: float) -> Gauge:
    """Return the gauge for this stream, compiled and ready for ``seconds`` of it.

    Raises StreamError if its spikes can't be found.
    """
    if stream.kind is InputKind.RASTER:
        return RasterGauge(stream)
    if stream.kind is InputKind.EVENTS:
        if stream.channel_column is None:
            raise StreamError(
                f"events with columns {', '.join(map(repr, stream.columns))} have no column for "
                "the channel: label one of them 'channel'"
            )
        return EventGauge(stream, stream.channel_column, settings.input.base)
    learn_s = min(settings.detector.learn_s, _LEARN_PART * seconds)
    wanted = settings.detector.model_copy(update={"learn_s": learn_s})
    detector = Detector(len(stream.columns), stream.rate_hz, wanted)
    detector.warm_up(np.zeros((2, detector.n_channels), dtype=stream.dtype))
    return VoltageGauge(stream, unit, detector)


def _of_rates(
    labels: tuple[str, ...], counts: FloatArray, seconds: float, n_invalid: int
) -> ChannelHealth:
    """Return the health of channels that fired ``counts`` ``(channel,)`` times in ``seconds``."""
    rate_hz = counts / seconds if seconds else np.full(counts.shape, np.nan)
    dead, hot = _chosen(labels, ~(counts > 0)), _chosen(labels, hot_channels(rate_hz))
    return ChannelHealth(labels, rate_hz, "Hz", dead, hot, (), n_invalid)


def _labels_of(stream: SpikeStream) -> tuple[str, ...]:
    """Return the columns' labels, or their numbers from 1."""
    return tuple(label or str(number) for number, label in enumerate(stream.columns, 1))


def _chosen(labels: tuple[str, ...], mask: AnyArray) -> tuple[str, ...]:
    return tuple(labels[index] for index in np.flatnonzero(mask))
