"""Guess which array or list of a file holds spikes, and which its channels' names."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.data.formats.recipe.guesses.found import Found, trains_of

# An array of spikes has so many channels or more, and so many bins per channel.
_FEWEST_CHANNELS, _BINS_PER_CHANNEL = 8, 5
_FEWEST_TRAINS, _FEWEST_SPIKES = 2, 3
_ROUNDING, _LOWEST_RATE_HZ = 1e-6, 4.0
_WORDS = {"spike", "spikes", "spk", "spks", "unit", "units", "neuron", "neurons", "train", "trains"}
NO_SPIKES = (
    "expected a list or cell array with one ascending vector of spike times (s) per channel, or "
    f"bins × channels without negative numbers, {_FEWEST_CHANNELS} channels or more, and at least "
    f"{_BINS_PER_CHANNEL} times as many bins"
)


class SpikesGuess(NamedTuple):
    """Lines of the recipe on spikes, the path of their array, and their bins; 0 for spike times."""

    lines: list[str]
    path: str
    n_bins: int


def spikes_guess(found: Sequence[Found]) -> SpikesGuess | None:
    """Return a guess of the spikes; None if nothing looks like any. Spike times come first."""
    trains = [one for one in found if _are_spike_times(trains_of(one.value))]
    if trains:
        best = max(trains, key=lambda one: (bool(set(one.words) & _WORDS), len(one.value)))
        lines = [
            "[spikes]", f'array = "{best.path}"',
            'values = "times"  # a guess: lists of ascending numbers; the times must be in s',
            *_name_lines(found, len(best.value)),
        ]  # fmt: skip
        return SpikesGuess(lines, best.path, 0)
    binned = [(one, one.numbers) for one in found if one.numbers is not None]
    likely = [(one, values) for one, values in binned if _are_binned(values)]
    if not likely:
        return None
    place, values = max(likely, key=lambda each: min(each[1].shape))
    n_bins = max(values.shape)
    return SpikesGuess(_binned_lines(found, place, values, n_bins), place.path, n_bins)


def _are_spike_times(trains: list[FloatArray] | None) -> bool:
    """Return True for ascending vectors, most of which are not evenly spaced, as clocks are."""
    if trains is None or len(trains) < _FEWEST_TRAINS:
        return False
    steps = [np.diff(train) for train in trains]
    if not all(np.isfinite(each).all() and (each >= 0).all() for each in steps):
        return False
    long = [each for each in steps if each.size >= _FEWEST_SPIKES]
    uneven = sum(float(np.ptp(each)) > _ROUNDING * float(each.max()) for each in long)
    return bool(long) and uneven > len(long) / 2


def _are_binned(values: AnyArray) -> bool:
    """Return True for an array without negative numbers, with many channels and bins."""
    return (
        values.ndim == len(("bin", "channel"))
        and min(values.shape) >= _FEWEST_CHANNELS
        and max(values.shape) >= _BINS_PER_CHANNEL * min(values.shape)
        and float(np.min(values)) >= 0
    )


def _binned_lines(found: Sequence[Found], place: Found, array: AnyArray, n_bins: int) -> list[str]:
    values = np.asarray(array, dtype=np.float64)
    is_whole = bool((np.abs(values - np.rint(values)) < _ROUNDING).all())
    # A single spike in a bin of less than a second is a rate of several Hz.
    is_counts = is_whole and values[values > 0].min(initial=1.0) < _LOWEST_RATE_HZ
    axes = '["bin", "channel"]' if values.shape[0] == n_bins else '["channel", "bin"]'
    guess = "counts" if is_counts else "rates"
    return [
        "[spikes]", f'array = "{place.path}"', f"axes = {axes}",
        f'values = "{guess}"  # a guess: counts, rates (in Hz), smoothed or times',
        *_name_lines(found, min(values.shape)),
    ]  # fmt: skip


def _name_lines(found: Sequence[Found], n_channels: int) -> list[str]:
    """Return the lines on the channels' names, if as many different texts are found, and area."""
    named = [one for one in found if len({*one.texts}) == len(one.texts) == n_channels]
    names = [f'names = "{named[0].path}"  # a guess'] if named else []
    return [*names, '# area = "M1"  # the brain area']
