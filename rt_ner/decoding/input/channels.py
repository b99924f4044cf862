"""Map the channels and units of a stream to the channels of a bundle.

A bundle's channel is named ``LABEL`` for an electrode with all of its units pooled, or
``LABEL/UNIT`` for one sorted unit. The columns of a stream may be named either way too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rt_ner.core.arrays import BoolArray, FloatArray, Int32Array
from rt_ner.core.errors import StreamError

# Sorters number units from 0 (unsorted) to 255 (noise, in some of them).
N_UNITS = 256
# More than any array has; a higher number is a typing error.
_MAX_ELECTRODES = 65_536
# A hot channel fires at more than this multiple of the median rate, and at more than this rate.
_HOT_RATIO, _HOT_HZ = 10.0, 100.0


@dataclass(frozen=True)
class ChannelSelection:
    """The operator's rule for finding the bundle's channels among the stream's.

    Attributes
    ----------
    channels
        The stream's label or number for each channel of the bundle; empty: the bundle's names.
    by_order
        True if the stream's channels are in the bundle's order, whatever their labels.
    units
        The sorted units that count; empty: all of them, pooled.
    base
        Number of the stream's first channel: 1 or 0.

    """

    channels: tuple[str, ...] = ()
    by_order: bool = False
    units: tuple[int, ...] = ()
    base: int = 1


def map_columns(
    labels: Sequence[str], wanted: tuple[str, ...], selection: ChannelSelection
) -> Int32Array:
    """Map the columns of a stream to the wanted channels.

    Parameters
    ----------
    labels
        Label of each column; empty strings where the stream gives none.
    wanted, selection
        Names of the bundle's channels, and the operator's rule for finding them.

    Returns
    -------
    Int32Array
        Pairs of a column and the index of the channel that it counts for, ``(pair, 2)``.

    Raises
    ------
    StreamError
        If a wanted channel has no column, or a column counts for two channels.

    """
    pairs = []
    for index, columns in enumerate(_find(labels, wanted, selection)):
        chosen = [column for column in columns if _is_selected(labels[column], selection.units)]
        if not chosen:
            raise StreamError(
                f"'{wanted[index]}' has none of the units {_listed(selection.units)} there, "
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
    """Map an event's channel number and unit to the wanted channels.

    Parameters
    ----------
    electrodes
        Labels in the order of the channel numbers; empty if the stream gives none.
    wanted, selection
        Names of the bundle's channels, and the operator's rule for finding them.

    Returns
    -------
    Int32Array
        Index of the channel that an event counts for, or −1, ``(number − base, unit)``.

    Raises
    ------
    StreamError
        If a wanted channel has no electrode, or no units of its own.

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
                f"no event counts for '{wanted[index]}', because its unit is not selected or is "
                f"above {N_UNITS - 1}: change units or channels in [input]"
            )
        chosen = (np.array(columns)[:, None], units)
        if (table[chosen] >= 0).any():
            raise StreamError(
                f"the events of '{wanted[index]}' count for another channel of the bundle too: "
                "name different ones with channels in [input], or decode with another bundle"
            )
        table[chosen] = index
    return table


def _numbered_electrodes(
    told: Sequence[str], own: list[str], asked: ChannelSelection, by_order: bool
) -> Sequence[str]:
    """Return labels in the order of the electrodes' numbers, empty for a number without one."""
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
            f"the events' channels are mere numbers, and the bundle's names ({_listed(own)}) don't "
            "end in them: list the numbers with channels in [input], or set by_order = true if "
            "they are in the bundle's order"
        )
    return [numbered.get(number, "") for number in range(1, max(numbered) + 1)]


def split_name(name: str) -> tuple[str, str]:
    """Return the electrode and the unit in a channel's name; no unit means all of them."""
    electrode, slash, unit = name.rpartition("/")
    return (electrode, unit) if slash and unit.isdecimal() else (name, "")


def number_in(name: str) -> int:
    """Return the number at the end of a channel's name: 7 for elec007; 0 if there is none."""
    digits = name[len(name.rstrip("0123456789")) :]
    return int(digits or 0)


def hot_channels(rate_hz: FloatArray) -> BoolArray:
    """Return True for channels ``(channel,)`` that fire far too much to be neurons."""
    return (rate_hz > _HOT_RATIO * median_of_positive(rate_hz)) & (rate_hz > _HOT_HZ)


def median_of_positive(level: FloatArray) -> float:
    """Return the median of the levels above zero; NaN if there is none."""
    positive = level[level > 0]
    return float(np.median(positive)) if positive.size else np.nan


def needs_units(wanted: tuple[str, ...], selection: ChannelSelection) -> bool:
    """Return True if the events must name the unit that fired."""
    return bool(selection.units) or any(
        split_name(name)[1] for name in selection.channels or wanted
    )


def _find(
    labels: Sequence[str], wanted: tuple[str, ...], selection: ChannelSelection
) -> list[list[int]]:
    """Return the columns of each wanted channel, at least one each."""
    if selection.by_order or not (any(labels) or selection.channels):
        _check_count(len(labels), len(wanted))
        return [[column] for column in range(len(labels))]
    if selection.channels and len(selection.channels) != len(wanted):
        raise StreamError(
            f"channels in [input] names {len(selection.channels)} channels, the bundle has "
            f"{len(wanted)}: name one for each of them"
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
            "bundle of this array, or map them with channels or by_order in [input]"
        )
    several = [key for key in keys if _is_ambiguous([labels[k] for k in columns_of[key]], key)]
    if several:
        raise StreamError(
            f"'{several[0]}' is more than one of the stream's channels: give them different "
            "labels, or list the numbers of those you mean with channels in [input]"
        )
    return [columns_of[key] for key in keys]


def _is_ambiguous(labels: list[str], key: str) -> bool:
    """Return True if a whole electrode is among several columns, for only units are pooled."""
    return len(labels) > 1 and key in labels


def _check_count(n_columns: int, n_wanted: int) -> None:
    if n_columns != n_wanted:
        raise StreamError(
            f"the stream has {n_columns} channels, the bundle was trained on {n_wanted}: decode "
            "with a bundle of this array, pick another --source, or set channels in [input]"
        )


def _is_selected(label: str, units: tuple[int, ...]) -> bool:
    unit = split_name(label)[1]
    return not units or (unit != "" and int(unit) in units)


def _listed(names: Sequence[object]) -> str:
    """Return the first few of some names, and the last, for a message."""
    shown = ", ".join(f"'{name}'" for name in names[:3])
    return shown + (f", … '{names[-1]}'" if len(names) > 3 else "")
