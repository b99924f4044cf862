"""Spikes of a recorded stream: raster, events or broadband, and the gaps in them."""

from dataclasses import dataclass, replace

import numpy as np

from rt_ner.core.arrays import AnyArray, BoolArray, FloatArray, Int64Array
from rt_ner.core.clock import NEVER_NS, NS_PER_MS, NS_PER_S
from rt_ner.core.contract.names import electrode_names
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.spike_trains import distinct_labels
from rt_ner.data.formats.common.voltage import VoltageCounter
from rt_ner.data.formats.streams.samples import Samples
from rt_ner.data.session.gaps import union
from rt_ner.data.session.spikes import SpikeCounts, SpikeTimes
from rt_ner.decoding.binning.voltage.settings import VoltageSettings
from rt_ner.decoding.input.settings import InputKind
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.decoding.timing.recorded import sample_times_ns

# A silence of events at the start that is longer shows that recording began later.
_SILENT_NS = NS_PER_S
# A raster stays as it is stored where every sample is nearer to its own place than this, in
# periods.
_OFF_PLACE = 0.5
# Elsewhere, samples that are so far apart, in periods and in ns, have others missing between them
# if those that follow for this time, in ns, stay behind by half of that or more. Less is no gap:
# live too, a hop that lost some of its samples is decoded.
_APART, _APART_NS, _WITNESS_NS = 2.5, 10 * NS_PER_MS, 2 * NS_PER_S
_MOST_COUNTS, _LONGEST_NS = 4_000_000_000, 10**15
_CHUNK_SAMPLES = 30_000
_MOST_CHANNELS = _MOST_UNITS = 65_535
# A smaller phase is the rounding of float stamps.
_ROUNDING_NS = 1000


@dataclass(frozen=True, eq=False, repr=False)
class StreamSpikes:
    """Spikes of a stream and their gaps, timed from a session's zero."""

    channel_ids: tuple[str, ...]
    spikes: SpikeTimes | SpikeCounts
    warnings: tuple[str, ...] = ()


def stream_spikes(
    samples: Samples, form: SpikeStream, origin_ns: int, voltage: VoltageSettings
) -> StreamSpikes:
    """Return the spikes of a stream of any form, timed from ``origin_ns``.

    ``voltage``: the values to make of broadband.
    """
    if form.kind is InputKind.BROADBAND:
        return _broadband_spikes(samples, form, origin_ns, voltage)
    values: AnyArray = np.asarray(samples.values)
    if form.kind is InputKind.EVENTS:
        return _event_spikes(samples.stamps_ns, values, form, origin_ns)
    return _raster_spikes(samples.stamps_ns, values, form, origin_ns)


def timed(samples: Samples, form: SpikeStream) -> tuple[Samples, list[str]]:
    """Return the samples of a regular stream on the times that the live decoder gives them.

    Those of other streams stay as they are. The warnings say if stamps were smoothed.
    """
    if form.kind is InputKind.EVENTS or not samples.stamps_ns.size:
        return samples, []
    times_ns = sample_times_ns(samples.stamps_ns, form.period_ns)
    known = times_ns != NEVER_NS
    n_lost = int((~known).sum())
    warnings = [f"samples with a time stamp far off, left out: {n_lost:,}"] if n_lost else []
    if (times_ns[known] != samples.stamps_ns[known]).any():
        rate_hz = NS_PER_S / np.median(np.diff(times_ns[known]))
        warnings.append(f"uneven time stamps, smoothed as live: {rate_hz:.1f} samples per second")
    if not n_lost:
        return Samples(times_ns, samples.values), warnings
    return Samples(times_ns[known], np.asarray(samples.values)[known]), warnings


def raster_phase_ns(stamps_ns: Int64Array, form: SpikeStream) -> int:
    """Return the shift of an even raster's samples against the global grid; 0 for all others."""
    if form.kind is not InputKind.RASTER:
        return 0
    period_ns = round(form.period_ns)
    if not _is_on_grid(np.sort(stamps_ns) - stamps_ns[0], period_ns):
        return 0
    phase_ns = (int(stamps_ns[0]) + period_ns // 2) % period_ns - period_ns // 2
    return phase_ns if abs(phase_ns) > _ROUNDING_NS else 0


def _raster_spikes(
    times_ns: Int64Array, counts: AnyArray, form: SpikeStream, origin_ns: int
) -> StreamSpikes:
    """Return a raster's counts as they are stored; as spike times if its samples are uneven."""
    bad = ~np.isfinite(counts) | (counts < 0) | (counts > 255) | (counts != np.floor(counts))
    labels, period_ns = distinct_labels(form.columns), round(form.period_ns)
    is_even = _is_on_grid(np.sort(times_ns) - origin_ns, period_ns)
    usable = ~bad.any(axis=1) & (times_ns - origin_ns > (period_ns // 2 if is_even else 0))
    in_order = np.flatnonzero(usable)[np.argsort(times_ns[usable], kind="stable")]
    since_ns, counts = times_ns[in_order] - origin_ns, counts[in_order]
    left_out = {
        "samples that are not counts or lie before the session, left out": int((~usable).sum())
    }
    spikes: SpikeCounts | SpikeTimes
    if is_even:
        spikes, found = _on_grid(since_ns, counts, period_ns)
    else:
        spikes, found = _between_grid(since_ns, counts, form.period_ns, labels)
    return StreamSpikes(labels, spikes, _warnings(left_out | found))


def _is_on_grid(since_ns: Int64Array, period_ns: int) -> bool:
    """Return True if samples in order stand on their own grid, except for repeats and gaps."""
    steps = np.diff(since_ns) / period_ns
    places = np.diff(np.rint(since_ns / period_ns))
    return bool((np.abs(places - steps) < _OFF_PLACE).all())


def _on_grid(
    since_ns: Int64Array, counts: AnyArray, period_ns: int
) -> tuple[SpikeCounts, dict[str, int]]:
    """Put a raster's samples on their own grid; missing samples are gaps."""
    sample, first = np.unique(np.rint(since_ns / period_ns).astype(np.int64) - 1, return_index=True)
    n_samples = int(sample[-1]) + 1 if sample.size else 0
    _check_span(n_samples * period_ns, n_samples * counts.shape[1])
    gridded = np.zeros((n_samples, counts.shape[1]), dtype=np.uint8)
    gridded[sample] = counts[first]
    heard = np.append(-1, sample)
    gaps = np.flatnonzero(np.diff(heard) > 1)
    gaps_ns = np.stack([heard[gaps] + 1, heard[gaps + 1]], axis=1) * period_ns
    return SpikeCounts(gridded, period_ns, gaps_ns), {
        "samples with the same time as another, left out": since_ns.size - sample.size,
        "samples missing within the recording": int((np.diff(sample) - 1).sum()),
    }


def _between_grid(
    since_ns: Int64Array, counts: AnyArray, period_ns: float, labels: tuple[str, ...]
) -> tuple[SpikeTimes, dict[str, int]]:
    """Return the spikes of samples that stand on no grid, each at the centre of its sample."""
    _check_span(int(since_ns[-1]), 0)
    sample, channel = np.nonzero(counts)
    n = counts[sample, channel].astype(np.int64)
    centre_ns = (since_ns - round(period_ns / 2)).clip(0)
    spikes = SpikeTimes(
        np.repeat(centre_ns[sample], n),
        np.repeat(channel, n).astype(np.int32),
        labels,
        np.arange(len(labels), dtype=np.int32),
        len(labels),
        _pauses_ns(since_ns, period_ns),
    )
    missing = np.rint(np.diff(since_ns) / period_ns).astype(np.int64) - 1
    return spikes, {"samples missing within the recording": int(missing.clip(0).sum())}


def _pauses_ns(since_ns: Int64Array, period_ns: float) -> Int64Array:
    """Return begin and end ``(pause, 2)`` of all that samples at such times don't cover.

    After a pause, the samples stay behind for good. After a delay, they catch up.
    """
    edges_ns = np.append(0, since_ns)
    long = np.flatnonzero(np.diff(edges_ns) > max(_APART * period_ns, _APART_NS))
    lag = min(round(_WITNESS_NS / period_ns), len(edges_ns) - 1)
    true_ns = np.median(edges_ns[lag:] - edges_ns[:-lag]) / lag
    behind_ns = edges_ns - np.arange(len(edges_ns)) * true_ns
    lost_ns = [
        np.median(behind_ns[at + 1 : at + 1 + lag])
        - np.median(behind_ns[max(at - lag, 0) : at + 1])
        for at in long
    ]
    long = long[2 * np.array(lost_ns) > edges_ns[long + 1] - edges_ns[long]]
    return np.stack([edges_ns[long], edges_ns[long + 1] - round(period_ns)], axis=1)


def _check_span(span_ns: int, n_counts: int) -> None:
    """Raise SessionError if no recording is so long."""
    if n_counts > _MOST_COUNTS or span_ns > _LONGEST_NS:
        raise SessionError(
            f"the raster spans {span_ns / NS_PER_S:,.0f} s, longer than any recording that can be "
            "read: its time stamps are wrong, or the file is damaged; get an intact copy, or "
            "record shorter files"
        )


def _event_spikes(
    stamps_ns: Int64Array, values: AnyArray, form: SpikeStream, origin_ns: int
) -> StreamSpikes:
    """Return single spikes, unit by unit."""
    channel, unit, valid = _channels_and_units(values, form)
    n_channels = len(form.electrodes) or int(channel.max(initial=0))
    labels = form.electrodes or electrode_names(n_channels)
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
    begin_ns = int(spikes.time_ns[0]) if spikes.time_ns.size else 0
    if begin_ns > _SILENT_NS:
        spikes = replace(spikes, gaps_ns=np.array([[0, begin_ns]], dtype=np.int64))
    warnings = _warnings({"events without a valid channel and unit, left out": int((~valid).sum())})
    return StreamSpikes(labels, spikes, warnings)


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
    spikes = replace(counter.spikes(), gaps_ns=union([counter.gaps_ns()]))
    return StreamSpikes(distinct_labels(form.columns), spikes, counter.warnings())


def _warnings(found: dict[str, int]) -> tuple[str, ...]:
    """Return a line for each finding that occurred."""
    return tuple(f"{finding}: {n:,}" for finding, n in found.items() if n)
