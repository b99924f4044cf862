"""Channels of the NSx files: their labels and units, and what those tell."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from neo.rawio import BlackrockRawIO

from rt_ner.core.quantities.units import is_speed
from rt_ner.data.formats.common.movement_words import MOVERS, is_other, is_position, words
from rt_ner.decoding.input.channels import split_name

# The detector's band ends at 6 kHz.
BROADBAND_HZ = 15_000
# This many channels are named of a stream of broadband, and of other streams.
_SOME_ELECTRODES, _SOME_INPUTS = 4, 16
# Blackrock's own names for analog inputs that nobody named.
_INPUT = re.compile(r"ainp\d*", re.IGNORECASE)


class Pair(NamedTuple):
    """Labels of two channels that are x and y of a movement, its kind and what moves."""

    labels: tuple[str, str]
    is_position: bool
    mover: str


def labels_of(files: BlackrockRawIO, stream: int) -> tuple[str, ...]:
    """Return the labels of a stream's channels."""
    return _column(files, stream, "name")


def units_of(files: BlackrockRawIO, stream: int) -> tuple[str, ...]:
    """Return the units of a stream's channels."""
    return _column(files, stream, "units")


def _column(files: BlackrockRawIO, stream: int, name: str) -> tuple[str, ...]:
    number = files.header["signal_streams"][stream]["id"]
    channels = files.header["signal_channels"]
    return tuple(str(one[name]) for one in channels if one["stream_id"] == number)


def described(files: BlackrockRawIO, stream: int) -> str:
    """Return a line on a stream: number, rate, and its first channels with their units."""
    named = [
        f"{label} in {unit}" if unit else label
        for label, unit in zip(labels_of(files, stream), units_of(files, stream), strict=True)
    ]
    rate_hz = float(files.get_signal_sampling_rate(stream))
    most = _SOME_ELECTRODES if rate_hz >= BROADBAND_HZ else _SOME_INPUTS
    more = f" and {len(named) - most} more" if len(named) > most else ""
    number = files.header["signal_streams"][stream]["id"]
    return f"NS{number}: {len(named)} channels, {rate_hz:g} Hz ({', '.join(named[:most])}{more})"


def movement_pairs(files: BlackrockRawIO, stream: int) -> Iterator[Pair]:
    """Yield the pairs of channels whose labels differ only in x and y, and name a movement."""
    labels = [split_name(label)[0] for label in labels_of(files, stream)]
    place = {label.lower(): at for at, label in enumerate(labels)}
    for label, own, unit in zip(
        labels, labels_of(files, stream), units_of(files, stream), strict=True
    ):
        for at, letter in enumerate(label):
            other = place.get(f"{label[:at]}y{label[at + 1 :]}".lower()) if letter in "xX" else None
            rest = words(f"{label[:at]} {label[at + 1 :]}")
            of_position = _is_position(rest, unit)
            if other is not None and of_position is not None:
                mover = next(one for one in MOVERS if one in (*rest, ""))
                yield Pair((own, labels_of(files, stream)[other]), of_position, mover)


def _is_position(rest: tuple[str, ...], unit: str) -> bool | None:
    """Return True for a position, False for a velocity; ``rest``: a label's words without its axis.

    The unit of an input is mostly that of a voltage. A label that names only what moves, such as a
    hand, then means its position.
    """
    if rest == ("v",):
        return False
    told = is_position(rest, unit)
    moves = not rest or (bool(set(rest) & set(MOVERS)) and not is_other(rest))
    return not is_speed(unit) if told is None and moves else told


def electrode_columns(files: BlackrockRawIO, stream: int) -> list[int]:
    """Return the columns of a stream that are electrodes, and no analog inputs."""
    moving = {label for pair in movement_pairs(files, stream) for label in pair.labels}
    return [
        column
        for column, label in enumerate(labels_of(files, stream))
        if label not in moving and not _INPUT.fullmatch(label)
    ]
