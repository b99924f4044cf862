"""Spikes as a recipe says: counts, rates, smoothed counts or times."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S, ns_array_from_s
from rt_ner.core.contract.kinds import REPLAY_GRID_NS
from rt_ner.core.contract.names import electrode_names
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.counts import checked_counts, counts_of
from rt_ner.data.formats.common.spike_trains import merge_trains
from rt_ner.data.formats.recipe.content import arranged, numbers_at, value_at
from rt_ner.data.formats.recipe.parts.smoothed import recover_counts
from rt_ner.data.formats.recipe.schema import Recipe, SpikeValues
from rt_ner.data.session.spikes import SpikeCounts, SpikeTimes

# Bins' starts are rounded to this, in ns; where they are off by more of a bin, some are missing.
_BIN_STEP_NS, _OFF = 100_000, 0.25
_FEWEST_BINS = 2
# Behaviour and spikes that end within this part of the recording were recorded together.
_ALIKE = 0.1


class RecipeSpikes(NamedTuple):
    """Spikes, the grid of the file's bins, and notes.

    ``start_ns`` is the start of each of the file's bins in session time. ``zero_ns`` is the
    session's zero on the file's clock. ``margin`` bins of counts were recovered at either end of
    each trial.
    """

    channel_ids: tuple[str, ...]
    spikes: SpikeCounts | SpikeTimes
    start_ns: Int64Array
    bin_ns: int
    zero_ns: int
    margin: int
    notes: tuple[str, ...]


def spikes_by(recipe: Recipe, content: Mapping[str, Any]) -> RecipeSpikes:
    """Return the spikes that a recipe finds in a file's content."""
    place = recipe.spikes
    if place.values is SpikeValues.TIMES:
        return _times(recipe, content)
    raw = numbers_at(content, place.array)
    values = arranged(raw, place.axes, ("bin", "channel"), place.array)
    bin_ns, zero_ns = _grid(recipe, content, len(values))
    names = _names(recipe, content, values.shape[1])
    if place.values is SpikeValues.SMOOTHED:
        return _recovered(recipe, content, values, names, bin_ns)
    counts, note = (
        counts_of(values, bin_ns / NS_PER_S)
        if place.values is SpikeValues.RATES
        else (checked_counts(values), "")
    )
    start_ns = np.arange(len(counts), dtype=np.int64) * bin_ns
    notes = (note,) if note else ()
    return RecipeSpikes(names, SpikeCounts(counts, bin_ns), start_ns, bin_ns, zero_ns, 0, notes)


def bins_per_trial(recipe: Recipe, content: Mapping[str, Any], n_bins: int) -> int:
    """Return the number of bins of each trial; 0 if trials are given by times, or not at all."""
    stated = recipe.trials.bins if recipe.trials else 0
    n = (
        numbers_at(content, stated).ravel()[0]
        if isinstance(stated, str) and stated
        else stated or 0
    )
    per_trial = int(n)
    if per_trial < 0 or (per_trial and n_bins % per_trial):
        raise SessionError(
            f"trials.bins = {per_trial}: the file's {n_bins} bins are not a whole number of such "
            "trials; correct it, or give trials.start and trials.end"
        )
    return per_trial


def _recovered(
    recipe: Recipe,
    content: Mapping[str, Any],
    values: FloatArray,
    names: tuple[str, ...],
    bin_ns: int,
) -> RecipeSpikes:
    """Return the counts that smoothed ones were made of; each trial is longer by two margins."""
    per_trial = bins_per_trial(recipe, content, len(values)) or len(values)
    smoothed = values.reshape(-1, per_trial, values.shape[1])
    counts = recover_counts(smoothed, recipe.spikes.smoothing)
    _, n_whole, n_units = counts.shape
    margin = (n_whole - per_trial) // 2
    trial, within = np.divmod(np.arange(len(values), dtype=np.int64), per_trial)
    start_ns = (trial * n_whole + margin + within) * bin_ns
    note = "counts were recovered from smoothed ones, and give them again when smoothed"
    spikes = SpikeCounts(counts.reshape(-1, n_units), bin_ns)
    return RecipeSpikes(names, spikes, start_ns, bin_ns, 0, margin, (note,))


def _grid(recipe: Recipe, content: Mapping[str, Any], n_bins: int) -> tuple[int, int]:
    """Return the length of a bin, and the start of the first one, in ns."""
    if recipe.time.bin_s:
        return round(recipe.time.bin_s * NS_PER_S), 0
    starts_s = np.ravel(numbers_at(content, recipe.time.bins))
    if len(starts_s) != n_bins or n_bins < _FEWEST_BINS:
        raise SessionError(f"'{recipe.time.bins}' has {len(starts_s)} times for {n_bins} bins")
    bin_ns = round(float(np.median(np.diff(starts_s))) * NS_PER_S / _BIN_STEP_NS) * _BIN_STEP_NS
    if bin_ns <= 0:
        raise SessionError(f"'{recipe.time.bins}' does not ascend: expected the bins' starts in s")
    off = starts_s - starts_s[0] - np.arange(n_bins) * (bin_ns / NS_PER_S)
    if np.abs(off).max() > _OFF * bin_ns / NS_PER_S:
        at = int(np.argmax(np.abs(np.diff(off))))
        raise SessionError(
            f"'{recipe.time.bins}' does not go on evenly after {starts_s[at]:.3f} s: bins are "
            "missing; cut the file there"
        )
    return bin_ns, round(float(starts_s[0]) * NS_PER_S)


def _names(recipe: Recipe, content: Mapping[str, Any], n_channels: int) -> tuple[str, ...]:
    """Return the channels' names; numbered ones if the recipe names none."""
    if not recipe.spikes.names:
        return electrode_names(n_channels)
    stated = np.ravel(value_at(content, recipe.spikes.names))
    names = tuple(str(name).strip() for name in stated)
    if len(names) != n_channels or len(set(names)) != n_channels:
        raise SessionError(
            f"'{recipe.spikes.names}' gives {len(set(names))} different names for {n_channels} "
            "channels: expected one each"
        )
    return names


def _times(recipe: Recipe, content: Mapping[str, Any]) -> RecipeSpikes:
    """Return spike times, each train a unit of its channel."""
    trains, channel = [], []
    of_channels = _by_channel(_listed(value_at(content, recipe.spikes.array)), recipe, content)
    for number, of_channel in enumerate(of_channels):
        for train in _trains(of_channel):
            trains.append(train)
            channel.append(number)
    n_channels = (channel[-1] + 1) if channel else 0
    moved_s = behaviour_times_s(recipe, content, n_samples=1)
    first_s = min([float(moved_s.min()), *(float(train.min()) for train in trains if train.size)])
    zero_ns = (round(first_s * NS_PER_S) - 1) // REPLAY_GRID_NS * REPLAY_GRID_NS
    names = _names(recipe, content, n_channels)
    seen = np.zeros(n_channels, dtype=np.int64)
    unit_ids = []
    for number in channel:
        seen[number] += 1
        unit_ids.append(f"{names[number]}/{seen[number]}")
    spikes = merge_trains(
        [ns_array_from_s(train) - zero_ns for train in trains],
        tuple(unit_ids),
        np.array(channel, dtype=np.int32),
        n_channels,
    )
    none = np.zeros(0, dtype=np.int64)
    return RecipeSpikes(names, spikes, none, 0, zero_ns, 0, ())


def behaviour_times_s(recipe: Recipe, content: Mapping[str, Any], n_samples: int) -> FloatArray:
    """Return the times of the behaviour's samples in s of the file's clock.

    ``n_samples`` is their number, if only their rate is known: the first is at 0 s.
    """
    if recipe.time.behaviour:
        return np.ravel(numbers_at(content, recipe.time.behaviour))
    return np.arange(n_samples) / recipe.time.rate_hz


def rate_notes(recipe: Recipe, time_ns: Int64Array, spikes: RecipeSpikes) -> tuple[str, ...]:
    """Return a note if behaviour of a stated rate lasts much longer or shorter than the spikes."""
    moved_s, spiking_s = (
        float(end_ns + spikes.zero_ns) / NS_PER_S for end_ns in (time_ns[-1], spikes.spikes.end_ns)
    )
    if not recipe.time.rate_hz or abs(moved_s - spiking_s) <= _ALIKE * max(moved_s, spiking_s):
        return ()
    return (
        f"with time.rate_hz = {recipe.time.rate_hz:g}, behaviour ends at {moved_s:.0f} s, but the "
        f"spikes at {spiking_s:.0f} s: check the rate, and that the first sample is at 0 s",
    )


def _listed(value: Any) -> list[Any]:
    """Return the channels of a list or a cell array."""
    if isinstance(value, np.ndarray) and value.dtype != np.dtype(object):
        return list(value) if value.ndim > 1 else [value]
    return list(value)


def _by_channel(listed: list[Any], recipe: Recipe, content: Mapping[str, Any]) -> list[Any]:
    """Return the trains of each channel.

    Of a MATLAB 7.3 cell array, the reader returns all first units, then all second ones, and so on.
    The names of the channels tell how many there are.
    """
    if not recipe.spikes.names:
        return listed
    n_channels = np.size(value_at(content, recipe.spikes.names))
    if len(listed) == n_channels or len(listed) % n_channels:
        return listed
    return [listed[number::n_channels] for number in range(n_channels)]


def _trains(of_channel: Any) -> Iterator[FloatArray]:
    """Yield the trains of one channel: one, or one for each of its units."""
    if isinstance(of_channel, list) or getattr(of_channel, "dtype", None) == np.dtype(object):
        for inner in of_channel:
            yield from _trains(inner)
        return
    times = np.ravel(np.asarray(of_channel, dtype=np.float64))
    yield np.sort(times[np.isfinite(times)])
