"""Spikes of a recorded stream: raster, events or broadband, and the gaps in them."""

from dataclasses import dataclass

import numpy as np

from rt_ner.core.arrays import AnyArray, BoolArray, FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.spike_trains import distinct_labels
from rt_ner.data.formats.common.voltage import VoltageCounter
from rt_ner.data.formats.xdf.samples import Samples
from rt_ner.data.session.spikes import SpikeCounts, SpikeTimes
from rt_ner.decoding.binning.voltage.settings import VoltageSettings
from rt_ner.decoding.input.settings import InputKind
from rt_ner.decoding.input.spike_stream import SpikeStream

# No decoder looks back further: this long after a gap, labels count again.
_LONGEST_HISTORY_NS = NS_PER_S
_MOST_COUNTS = 4_000_000_000
_CHUNK_SAMPLES = 30_000
_MOST_CHANNELS = _MOST_UNITS = 65_535
# A smaller phase is the rounding of float stamps.
_ROUNDING_NS = 1000


@dataclass(frozen=True, eq=False, repr=False)
class StreamSpikes:
    """Spikes of a stream, timed from a session's zero.

    ``gaps_ns`` are begin and end ``(gap, 2)`` of all that was not measured, on the stream's clock.
    """

    channel_ids: tuple[str, ...]
    spikes: SpikeTimes | SpikeCounts
    gaps_ns: Int64Array
    warnings: tuple[str, ...]

    def is_measured(self, times_ns: Int64Array) -> BoolArray:
        """Return which times, on the stream's clock, have no gap in a decoder's history."""
        measured = np.ones(times_ns.size, dtype=np.bool_)
        for begin_ns, end_ns in self.gaps_ns:
            measured &= (times_ns <= begin_ns) | (times_ns > end_ns + _LONGEST_HISTORY_NS)
        return measured


def stream_spikes(
    samples: Samples, form: SpikeStream, origin_ns: int, voltage: VoltageSettings
) -> StreamSpikes:
    """Return the spikes of a stream of any form, timed from ``origin_ns``.

    ``voltage``: the values to make of broadband.
    """
    values: AnyArray = np.asarray(samples.values)
    if form.kind is InputKind.EVENTS:
        return _event_spikes(samples.stamps_ns, values, form, origin_ns)
    if form.kind is InputKind.BROADBAND:
        return _broadband_spikes(Samples(samples.stamps_ns, values), form, origin_ns, voltage)
    return _raster_spikes(samples.stamps_ns, values, form, origin_ns)


def raster_phase_ns(stamps_ns: Int64Array, form: SpikeStream) -> int:
    """Return the shift of a raster's samples against the global grid; 0 for other forms."""
    if form.kind is not InputKind.RASTER:
        return 0
    period_ns = round(form.period_ns)
    phase_ns = (int(stamps_ns[0]) + period_ns // 2) % period_ns - period_ns // 2
    return phase_ns if abs(phase_ns) > _ROUNDING_NS else 0


def _raster_spikes(
    stamps_ns: Int64Array, counts: AnyArray, form: SpikeStream, origin_ns: int
) -> StreamSpikes:
    """Put a raster's samples on their own grid; missing samples are gaps."""
    period_ns = round(form.period_ns)
    sample = np.rint((stamps_ns - origin_ns) / period_ns).astype(np.int64) - 1
    bad = ~np.isfinite(counts) | (counts < 0) | (counts > 255) | (counts != np.floor(counts))
    usable = ~bad.any(axis=1) & (sample >= 0)
    sample, first = np.unique(sample[usable], return_index=True)
    n_samples = int(sample[-1]) + 1 if sample.size else 0
    if n_samples * counts.shape[1] > _MOST_COUNTS:
        raise SessionError(
            f"the raster spans {n_samples * period_ns / NS_PER_S:,.0f} s: its time stamps can't "
            "be right"
        )
    gridded = np.zeros((n_samples, counts.shape[1]), dtype=np.uint8)
    gridded[sample] = counts[usable][first]
    heard = np.append(-1, sample)
    gaps = np.flatnonzero(np.diff(heard) > 1)
    gaps_ns = origin_ns + np.stack([heard[gaps] + 1, heard[gaps + 1]], axis=1) * period_ns
    warnings = _warnings(
        {
            "samples that are not counts or lie before the session, left out": int((~usable).sum()),
            "samples with the same time as another, left out": int(usable.sum()) - sample.size,
            "samples missing within the recording": int((np.diff(sample) - 1).sum()),
        }
    )
    spikes = SpikeCounts(gridded, period_ns)
    return StreamSpikes(distinct_labels(form.columns), spikes, gaps_ns, warnings)


def _event_spikes(
    stamps_ns: Int64Array, values: AnyArray, form: SpikeStream, origin_ns: int
) -> StreamSpikes:
    """Return single spikes, unit by unit."""
    channel, unit, valid = _channels_and_units(values, form)
    n_channels = len(form.electrodes) or int(channel.max(initial=0))
    labels = form.electrodes or tuple(f"elec{index + 1:03d}" for index in range(n_channels))
    pairs, of_spike = np.unique(np.stack([channel - 1, unit], axis=1), axis=0, return_inverse=True)
    in_order = np.argsort(stamps_ns[valid], kind="stable")
    spikes = SpikeTimes(
        stamps_ns[valid][in_order] - origin_ns,
        of_spike.ravel()[in_order].astype(np.int32),
        tuple(f"{labels[index]}/{number}" for index, number in pairs.tolist()),
        pairs[:, 0].astype(np.int32),
        n_channels,
    )
    # Events don't show when the recording began, but a living array is hardly silent for a second.
    begin_ns = origin_ns + int(spikes.time_ns[0]) if spikes.time_ns.size else origin_ns
    is_late = begin_ns - origin_ns > _LONGEST_HISTORY_NS
    gaps_ns = np.array([[origin_ns, begin_ns]] if is_late else [], dtype=np.int64).reshape(-1, 2)
    warnings = _warnings({"events without a valid channel and unit, left out": int((~valid).sum())})
    return StreamSpikes(labels, spikes, gaps_ns, warnings)


def _channels_and_units(
    values: AnyArray, form: SpikeStream
) -> tuple[Int64Array, Int64Array, BoolArray]:
    """Return channel, from 1, and unit of each valid event, and which events are valid."""
    if form.channel_column is None:
        raise SessionError(
            f"the events' columns {', '.join(map(repr, form.columns))} name no channel: label one "
            "of them 'channel'"
        )
    channel: FloatArray = values[:, form.channel_column].astype(np.float64)
    has_unit = form.unit_column is not None
    unit = values[:, form.unit_column].astype(np.float64) if has_unit else np.ones(len(values))
    largest = len(form.electrodes) or _MOST_CHANNELS
    valid = (channel == np.floor(channel)) & (channel >= 1) & (channel <= largest)
    valid &= (unit == np.floor(unit)) & (unit >= 0) & (unit <= _MOST_UNITS)
    return channel[valid].astype(np.int64), unit[valid].astype(np.int64), valid


def _broadband_spikes(
    samples: Samples, form: SpikeStream, origin_ns: int, voltage: VoltageSettings
) -> StreamSpikes:
    """Return the values of voltage."""
    counter = VoltageCounter(form, voltage)
    for begin in range(0, len(samples.stamps_ns), _CHUNK_SAMPLES):
        chunk = slice(begin, begin + _CHUNK_SAMPLES)
        ends_ns = samples.stamps_ns[chunk] - origin_ns
        counter.push(ends_ns, np.ascontiguousarray(samples.values[chunk]))
    gaps_ns = counter.gaps_ns() + origin_ns
    labels = distinct_labels(form.columns)
    return StreamSpikes(labels, counter.spikes(), gaps_ns, counter.warnings())


def _warnings(found: dict[str, int]) -> tuple[str, ...]:
    """Return a line for each finding that occurred."""
    return tuple(f"{finding}: {n:,}" for finding, n in found.items() if n)
