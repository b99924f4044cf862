"""Channel health: which channels of a spike stream are silent, and which stand out."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rt_ner.core.arrays import AnyArray, FloatArray, Int64Array
from rt_ner.core.errors import StreamError
from rt_ner.decoding.binning.detector import MAX_VOLTAGE, Detector
from rt_ner.decoding.input.channels import hot_channels, median_of_positive
from rt_ner.decoding.input.settings import InputKind
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.live.settings import DecodeSettings

# A channel's noise stands out if it is so many times the usual one, or so many times less.
_NOISE_RATIO = 3.0
# Numbers that a channel may have.
_N_NUMBERS = 65_536
# How much of the listening time thresholds are learned from at most.
_LEARN_PART = 0.6


@dataclass(frozen=True, eq=False)
class ChannelHealth:
    """What some seconds of a spike stream tell of its channels.

    ``labels``: of the channels; empty if none is known. ``level``: ``(channel,)`` in ``unit``,
    the firing rate, or the noise of a voltage; NaN if not known. ``dead``: without a spike, or
    flat. ``high`` and ``low``: the level stands out. ``n_invalid``: samples or events that can't
    be counted.
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
        """The usual level of the channels that live."""
        return median_of_positive(self.level)


class Gauge(Protocol):
    """What watches the channels of one kind of stream."""

    def take(self, values: AnyArray) -> None:
        """Take samples or events ``(sample, column)``; the array may be reused afterwards."""
        ...

    def health(self, listened_s: float) -> ChannelHealth:
        """What all that was taken tells; ``listened_s``: in how long it came."""
        ...


class RasterGauge:
    """Watches counts: one channel a column."""

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
        """Rates in the time that the samples covered."""
        covered_s = self._n_samples * self._period_s
        return _of_rates(self._labels, self._totals, covered_s, self._n_invalid)


class EventGauge:
    """Watches single spikes. If the stream lists no electrodes, only those that fire are known."""

    def __init__(self, stream: SpikeStream, column: int, base: int) -> None:
        """``column``: of the channel's number. ``base``: the number of the first channel."""
        self._column = column
        self._electrodes = stream.electrodes
        self._base = base
        self._counts: Int64Array = np.zeros(_N_NUMBERS, dtype=np.int64)
        self._n_events = 0

    def take(self, values: AnyArray) -> None:
        """Count each channel's events."""
        number = values[:, self._column].astype(np.float64) - self._base
        known = number[(number >= 0) & (number < _N_NUMBERS) & (number == np.floor(number))]
        self._counts += np.bincount(known.astype(np.int64), minlength=_N_NUMBERS)
        self._n_events += len(values)

    def health(self, listened_s: float) -> ChannelHealth:
        """Rates in the listening time: for events silence is data."""
        labels, counts = self._electrodes, self._counts[: len(self._electrodes)]
        if not labels:
            fired = np.flatnonzero(self._counts)
            labels, counts = tuple(str(self._base + row) for row in fired), self._counts[fired]
        n_invalid = self._n_events - int(counts.sum())
        return _of_rates(labels, counts.astype(np.float64), listened_s, n_invalid)


class VoltageGauge:
    """Watches voltage: its range, and the noise as the detector of spikes sees it."""

    def __init__(self, stream: SpikeStream, unit: str, detector: Detector) -> None:
        self._labels = _labels_of(stream)
        self._unit = unit
        self._detector = detector
        self._least = np.full(len(self._labels), np.inf)
        self._most = np.full(len(self._labels), -np.inf)
        self._n_invalid = 0

    def take(self, values: AnyArray) -> None:
        """Follow the range; filter until the noise is known."""
        self._n_invalid += int((~(np.abs(values) <= MAX_VOLTAGE).all(axis=1)).sum())
        self._least = np.fmin(self._least, np.fmin.reduce(values, axis=0))
        self._most = np.fmax(self._most, np.fmax.reduce(values, axis=0))
        if not self._detector.learned:
            self._detector.detect(values, np.zeros(values.shape, dtype=np.int8))

    def health(self, listened_s: float) -> ChannelHealth:  # noqa: ARG002 - it tells no rate
        """Flat channels, and those whose noise is far from the usual."""
        noise, dead = self._detector.rms.copy(), ~(self._most > self._least)
        noise[dead] = 0.0
        usual = median_of_positive(noise)
        return ChannelHealth(
            self._labels,
            noise,
            self._unit,
            _chosen(self._labels, dead),
            _chosen(self._labels, noise > _NOISE_RATIO * usual),
            _chosen(self._labels, ~dead & (noise < usual / _NOISE_RATIO)),
            self._n_invalid,
        )


def gauge_for(
    stream: SpikeStream,
    unit: str,
    dtype: np.dtype[np.generic],
    settings: DecodeSettings,
    seconds: float,
) -> Gauge:
    """What watches the channels of this stream for so many seconds, compiled.

    ``unit`` and ``dtype``: of the numbers. Raises StreamError if its spikes can't be found.
    """
    if stream.kind is InputKind.RASTER:
        return RasterGauge(stream)
    if stream.kind is InputKind.EVENTS:
        if stream.channel_column is None:
            raise StreamError(
                f"events with columns {', '.join(map(repr, stream.columns))} have none for the "
                "channel: label one of them 'channel'"
            )
        return EventGauge(stream, stream.channel_column, settings.input.base)
    learn_s = min(settings.detector.learn_s, _LEARN_PART * seconds)
    wanted = settings.detector.model_copy(update={"learn_s": learn_s})
    detector = Detector(len(stream.columns), stream.rate_hz, wanted)
    detector.warm_up(np.zeros((2, detector.n_channels), dtype=dtype))
    return VoltageGauge(stream, unit, detector)


def _of_rates(
    labels: tuple[str, ...], counts: FloatArray, seconds: float, n_invalid: int
) -> ChannelHealth:
    """Health of channels that fired ``(channel,)`` times in so many seconds."""
    rate_hz = counts / seconds if seconds else np.full(counts.shape, np.nan)
    dead, hot = _chosen(labels, ~(counts > 0)), _chosen(labels, hot_channels(rate_hz))
    return ChannelHealth(labels, rate_hz, "Hz", dead, hot, (), n_invalid)


def _labels_of(stream: SpikeStream) -> tuple[str, ...]:
    """The columns' labels, or their numbers from 1."""
    return tuple(label or str(number) for number, label in enumerate(stream.columns, 1))


def _chosen(labels: tuple[str, ...], mask: AnyArray) -> tuple[str, ...]:
    return tuple(labels[index] for index in np.flatnonzero(mask))
