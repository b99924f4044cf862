"""Group channels into banks, which share a connector, by their names."""

from itertools import combinations
from typing import NamedTuple

import numpy as np

from rt_ner.core.arrays import Int64Array
from rt_ner.decoding.binning.voltage.settings import USUAL_BANK
from rt_ner.decoding.input.channels import number_in, split_name

# Fewer channels are not watched as a bank.
_FEWEST = 8


class Bank(NamedTuple):
    """Channels on one connector.

    ``name``: such as ``bank B``, or ``M1 bank B`` if there are several areas. ``channels``: their
    indices. ``pin``: the place of each on the connector.
    """

    name: str
    channels: Int64Array
    pin: Int64Array


class Swap(NamedTuple):
    """Two banks, and for each of their ``channels`` the ``partner`` on the same pin of the other.

    Channels without a partner are left out.
    """

    banks: tuple[int, int]
    channels: Int64Array
    partner: Int64Array


def banks_of(channel_ids: tuple[str, ...]) -> tuple[Bank, ...]:
    """Return the banks of an array, of 32 electrodes each, by the numbers in its channels' names.

    Channels that are not all numbered are counted in their order. Each area has banks of its own.
    """
    electrodes = [split_name(name)[0] for name in channel_ids]
    numbers = [number_in(name) for name in electrodes]
    if not all(numbers):
        order = {name: place for place, name in enumerate(dict.fromkeys(electrodes), 1)}
        numbers = [order[name] for name in electrodes]
    areas = [name.rpartition("/")[0] for name in electrodes]
    place: dict[tuple[str, int], list[int]] = {}
    for channel, (area, number) in enumerate(zip(areas, numbers, strict=True)):
        place.setdefault((area, (number - 1) // USUAL_BANK), []).append(channel)
    several = len(set(areas)) > 1
    return tuple(
        Bank(
            f"{f'{area} ' if several else ''}bank {_letter(number)}",
            np.array(channels),
            np.array([(numbers[channel] - 1) % USUAL_BANK for channel in channels]),
        )
        for (area, number), channels in sorted(place.items())
        if len(channels) >= _FEWEST
    )


def swaps_of(banks: tuple[Bank, ...]) -> tuple[Swap, ...]:
    """Return all pairs of banks that could be swapped."""
    return tuple(_swap((one, other), banks) for one, other in combinations(range(len(banks)), 2))


def _swap(pair: tuple[int, int], banks: tuple[Bank, ...]) -> Swap:
    one, other = (banks[bank] for bank in pair)
    _, first, second = np.intersect1d(one.pin, other.pin, return_indices=True)
    ones, others = one.channels[first], other.channels[second]
    return Swap(pair, np.concatenate([ones, others]), np.concatenate([others, ones]))


def _letter(number: int) -> str:
    """Return A, B, … Z, then numbers."""
    return chr(ord("A") + number) if number < 26 else str(number + 1)
