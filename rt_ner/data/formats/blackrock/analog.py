"""Behaviour in the analog inputs of NSx files."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from neo.rawio import BlackrockRawIO

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S, ns_array_from_s
from rt_ner.core.errors import SessionError
from rt_ner.core.quantities.units import cm_per_unit
from rt_ner.data.formats.blackrock.channels import (
    Pair,
    described,
    labels_of,
    movement_pairs,
    units_of,
)
from rt_ner.data.formats.common.movement_words import MOVERS
from rt_ner.data.formats.recipe.parts.outputs_at import AnalogAt
from rt_ner.data.session.behaviour import Behaviour

# Faster inputs are averaged to this rate: no hand is faster, and a derivative would be noise.
_RATE_HZ = 1000.0
_CHUNK_SAMPLES = 300_000


class _Signals(NamedTuple):
    """Values ``(sample, channel)`` in the headers' units, at times in ns; and notes."""

    times_ns: Int64Array
    values: FloatArray
    units: list[str]
    notes: list[str]


def behaviour_of(
    files: BlackrockRawIO, segment: int, origin_ns: int, places: Sequence[AnalogAt]
) -> tuple[Behaviour | None, list[str]]:
    """Return the analog inputs that a recipe names, and notes.

    If it names none: the velocity of the movement that the inputs' labels name, if any.
    """
    if places:
        labels = [label for place in places for label in place.channels]
        return _outputs(_signals(files, segment, origin_ns, labels), places)
    streams = range(files.signal_streams_count())
    pairs = [pair for stream in streams for pair in movement_pairs(files, stream)]
    if not pairs:
        return None, []
    chosen = min(pairs, key=lambda pair: (pair.is_position, MOVERS.index(pair.mover)))
    return _velocity(_signals(files, segment, origin_ns, chosen.labels), chosen)


def _velocity(found: _Signals, pair: Pair) -> tuple[Behaviour, list[str]]:
    """Return the velocity of a movement in cm/s, and warnings."""
    named, warnings = " and ".join(pair.labels), [*found.notes]
    to_cm = [cm_per_unit(unit) for unit in found.units]
    if None in to_cm:
        warnings.append(
            f"analog inputs {named}, in '{found.units[0]}': their unit is assumed to be cm or "
            "cm/s; give their scale in a recipe"
        )
    values = found.values * [1.0 if each is None else each for each in to_cm]
    if pair.is_position:
        values = np.gradient(values, found.times_ns / NS_PER_S, axis=0)
        warnings.append(f"velocity is the derivative of {named}")
    return Behaviour(found.times_ns, values), warnings


def _outputs(found: _Signals, places: Sequence[AnalogAt]) -> tuple[Behaviour, list[str]]:
    """Return signals in the order of the recipe's channels as its outputs, and notes."""
    of_channel = [(place, label) for place in places for label in place.channels]
    factors: list[float] = []
    notes = [*found.notes]
    for (place, label), unit in zip(of_channel, found.units, strict=True):
        own_cm = cm_per_unit(unit)
        if place.scale or own_cm is None:
            factors.append(place.to_cm * (place.scale or 1.0))
        else:
            factors.append(own_cm)
        if not place.scale and own_cm is None and unit != place.unit:
            notes.append(f"no scale for {label}, in '{unit}': its numbers are used as they are")
    outputs = tuple(
        one for place in places for one in place.outputs(place.channels, ", ".join(place.channels))
    )
    return Behaviour(found.times_ns, found.values * np.array(factors), outputs), notes


def _signals(
    files: BlackrockRawIO, segment: int, origin_ns: int, labels: Sequence[str]
) -> _Signals:
    """Return some analog inputs by label. Raise SessionError if no NSx file holds all of them."""
    stream = _stream_with(files, labels)
    columns = [labels_of(files, stream).index(label) for label in labels]
    rate_hz = float(files.get_signal_sampling_rate(stream))
    per_mean = max(round(rate_hz / _RATE_HZ), 1)
    values = _means(files, segment, stream, columns, per_mean)
    begin_ns = round(float(files.get_signal_t_start(0, segment, stream)) * NS_PER_S)
    # A sample is stamped at its end, a mean in the middle of the ends of its samples.
    ends_s = np.asarray((np.arange(len(values)) * per_mean + (per_mean + 1) / 2) / rate_hz)
    units = [units_of(files, stream)[column] for column in columns]
    notes = [f"analog inputs at {rate_hz:g} Hz, averaged to {rate_hz / per_mean:g} Hz"]
    times_ns = begin_ns - origin_ns + ns_array_from_s(ends_s)
    return _Signals(times_ns, values, units, notes if per_mean > 1 else [])


def _stream_with(files: BlackrockRawIO, labels: Sequence[str]) -> int:
    """Return the first stream that holds all labels."""
    streams = range(files.signal_streams_count())
    for stream in streams:
        if set(labels) <= set(labels_of(files, stream)):
            return stream
    held = "; ".join(described(files, stream) for stream in streams) or "no NSx file"
    raise SessionError(
        f"no NSx file holds all of {', '.join(map(repr, labels))}; there is {held}: check the "
        "channels in the recipe"
    )


def _means(
    files: BlackrockRawIO, segment: int, stream: int, columns: list[int], per_mean: int
) -> FloatArray:
    """Return the mean of each ``per_mean`` samples ``(mean, column)``."""
    n_samples = files.get_signal_size(0, segment, stream) // per_mean * per_mean
    parts = [np.zeros((0, len(columns)))]
    step = _CHUNK_SAMPLES // per_mean * per_mean
    for first in range(0, n_samples, step):
        last = min(first + step, n_samples)
        raw = files.get_analogsignal_chunk(0, segment, first, last, stream, columns)
        values = files.rescale_signal_raw_to_float(raw, "float64", stream, columns)
        parts.append(values.reshape(-1, per_mean, len(columns)).mean(axis=1))
    return np.concatenate(parts)
