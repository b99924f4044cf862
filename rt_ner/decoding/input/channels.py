"""Channels: which channel of a stream, and which of its units, counts for which of a bundle's.

A bundle's channel is named ``LABEL``, an electrode with all of its units pooled, or
``LABEL/UNIT``, one sorted unit. The columns of a stream may be named either way too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rt_ner.core.arrays import BoolArray, FloatArray, Int32Array
from rt_ner.core.errors import StreamError

# Sorters number units from 0 (unsorted) to 255 (noise, with some).
N_UNITS = 256
# More than any array has; a number beyond is a slip.
_MAX_ELECTRODES = 65_536
# A channel is hot if it fires so many times more than the usual one, and more than so often.
_HOT_RATIO, _HOT_HZ = 10.0, 100.0


@dataclass(frozen=True)
class ChannelSelection:
    """How the operator wants the bundle's channels to be found among the stream's.

    ``channels``: for each channel of the bundle the stream's, by label or, counted from ``base``,
    by number; empty: by the bundle's own names. ``by_order``: the stream's channels are the
    bundle's, one after the other, whatever they are called. ``units``: only these count; empty:
    all of them, pooled.
    """

    channels: tuple[str, ...] = ()
    by_order: bool = False
    units: tuple[int, ...] = ()
    base: int = 1


def map_columns(
    labels: Sequence[str], wanted: tuple[str, ...], selection: ChannelSelection
) -> Int32Array:
    """Pairs ``(pair, 2)``: column of a stream, index of the wanted channel that it counts for.

    ``labels``: of the columns, empty where they have none. Raises StreamError, naming the channel,
    unless every wanted channel has a column.
    """
    pairs = []
    for index, columns in enumerate(_find(labels, wanted, selection)):
        chosen = [column for column in columns if _is_selected(labels[column], selection.units)]
        if not chosen:
            raise StreamError(
                f"'{wanted[index]}' has none of the units {_listed(selection.units)} in the stream, "
                f"only {_listed([labels[column] for column in columns])}: change units in [input]"
            )
        pairs += [(column, index) for column in chosen]
    columns = [column for column, _ in pairs]
    for column, index in pairs:
        if columns.count(column) > 1:
            raise StreamError(
                f"column {column + 1} of the stream would count for '{wanted[index]}' and another "
                "channel too: name each once with channels in [input]"
            )
    return np.array(sorted(pairs), dtype=np.int32)


def map_events(
    electrodes: Sequence[str], wanted: tuple[str, ...], selection: ChannelSelection
) -> Int32Array:
    """Table ``(number − base, unit)``: index of the wanted channel an event counts for, or −1.

    ``electrodes``: labels in the order of their numbers; empty if the stream does not tell: then
    ``selection`` says the numbers, or the bundle's names end in them. Raises StreamError,
    naming the channel, unless every wanted channel has an electrode and units of its own.
    """
    wholes = tuple(split_name(name)[0] for name in wanted)
    channels = tuple(split_name(key)[0] for key in selection.channels)
    asked = replace(selection, by_order=False, channels=channels)
    electrodes = _numbered_electrodes(
        electrodes, list(dict.fromkeys(wholes)), asked, selection.by_order
    )
    table = np.full((len(electrodes), N_UNITS), -1, dtype=np.int32)
    for index, columns in enumerate(_find(electrodes, wholes, asked)):
        unit = split_name((selection.channels or wanted)[index])[1]
        units = np.arange(N_UNITS) if not unit else np.array([int(unit)])
        if selection.units:
            units = np.intersect1d(units, selection.units)
        if not units.size or units[0] >= N_UNITS:
            raise StreamError(
                f"no event counts for '{wanted[index]}': its unit is not one of those selected, or "
                f"above {N_UNITS - 1}: change units or channels in [input]"
            )
        chosen = (np.array(columns)[:, None], units)
        if (table[chosen] >= 0).any():
            raise StreamError(
                f"the events of '{wanted[index]}' count for another channel of the bundle already: "
                "name different ones with channels in [input], or decode with another bundle"
            )
        table[chosen] = index
    return table


def _numbered_electrodes(
    told: Sequence[str], own: list[str], asked: ChannelSelection, by_order: bool
) -> Sequence[str]:
    """Labels in the order of the electrodes' numbers, empty for one that nobody named."""
    if by_order:
        if told:
            _check_count(len(told), len(own))
        return own
    if any(told):
        return told
    if asked.channels:
        numbers = [int(key) - asked.base + 1 for key in asked.channels if key.isdecimal()]
        return [""] * max(number for number in (0, *numbers) if number <= _MAX_ELECTRODES)
    numbered = {number_in(name): name for name in own}
    if not all(numbered) or len(numbered) < len(own) or max(numbered) > _MAX_ELECTRODES:
        raise StreamError(
            "the events' channels are mere numbers, and the bundle's names "
            f"({_listed(own)}) don't tell which are which: say so with channels in [input], or "
            "by_order = true if they are numbered in the bundle's order"
        )
    return [numbered.get(number, "") for number in range(1, max(numbered) + 1)]


def split_name(name: str) -> tuple[str, str]:
    """Electrode and unit of a channel's name; the unit empty if all are meant."""
    electrode, slash, unit = name.rpartition("/")
    return (electrode, unit) if slash and unit.isdecimal() else (name, "")


def number_in(name: str) -> int:
    """The number that a channel's name ends in: 7 in elec007, 0 if in none."""
    digits = name[len(name.rstrip("0123456789")) :]
    return int(digits or 0)


def hot_channels(rate_hz: FloatArray) -> BoolArray:
    """Which channels ``(channel,)`` fire so much more than the others that something is wrong."""
    return (rate_hz > _HOT_RATIO * median_of_positive(rate_hz)) & (rate_hz > _HOT_HZ)


def median_of_positive(level: FloatArray) -> float:
    """The median of those that are above zero; NaN if none is."""
    positive = level[level > 0]
    return float(np.median(positive)) if positive.size else np.nan


def needs_units(wanted: tuple[str, ...], selection: ChannelSelection) -> bool:
    """Whether events must say which unit fired."""
    return bool(selection.units) or any(
        split_name(name)[1] for name in selection.channels or wanted
    )


def _find(
    labels: Sequence[str], wanted: tuple[str, ...], selection: ChannelSelection
) -> list[list[int]]:
    """For each wanted channel its columns, at least one."""
    if selection.by_order or not (any(labels) or selection.channels):
        _check_count(len(labels), len(wanted))
        return [[column] for column in range(len(labels))]
    if selection.channels and len(selection.channels) != len(wanted):
        raise StreamError(
            f"channels in [input] names {len(selection.channels)} channels, the bundle has "
            f"{len(wanted)}: name one for each"
        )
    columns_of: dict[str, list[int]] = {}
    for column, label in enumerate(labels):
        for name in {label, split_name(label)[0]} - {""}:
            columns_of.setdefault(name, []).append(column)
    if selection.channels:
        numbered = {str(selection.base + column): [column] for column in range(len(labels))}
        columns_of = numbered | columns_of
    keys = selection.channels or wanted
    absent = [key for key in keys if key not in columns_of]
    if absent:
        raise StreamError(
            f"{len(absent)} of the bundle's {len(wanted)} channels are not in the stream, the "
            f"first is '{absent[0]}'; it has {len(labels)}: {_listed(labels)}. Decode with a "
            "bundle of this array, or say which are which with channels or by_order in [input]"
        )
    several = [key for key in keys if _is_ambiguous([labels[k] for k in columns_of[key]], key)]
    if several:
        raise StreamError(
            f"'{several[0]}' is more than one of the stream's channels: give them labels of their "
            "own, or say which are meant by their numbers with channels in [input]"
        )
    return [columns_of[key] for key in keys]


def _is_ambiguous(labels: list[str], key: str) -> bool:
    """Whether one of several columns is a whole electrode's: units are pooled, electrodes never."""
    return len(labels) > 1 and key in labels


def _check_count(n_columns: int, n_wanted: int) -> None:
    if n_columns != n_wanted:
        raise StreamError(
            f"the stream has {n_columns} channels, the bundle was trained on {n_wanted}: decode "
            "with a bundle of this array, pick another stream with --source, or say which "
            "channels are meant with channels in [input]"
        )


def _is_selected(label: str, units: tuple[int, ...]) -> bool:
    unit = split_name(label)[1]
    return not units or (unit != "" and int(unit) in units)


def _listed(names: Sequence[object]) -> str:
    """The first few of some names."""
    shown = ", ".join(f"'{name}'" for name in names[:3])
    return shown + (f", … '{names[-1]}'" if len(names) > 3 else "")
