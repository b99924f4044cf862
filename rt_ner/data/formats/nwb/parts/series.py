"""Find the series of a movement among all time series of an NWB file."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pynwb import NWBFile, TimeSeries

from rt_ner.core.quantities.units import cm_per_unit, is_speed

_MOVERS = ("hand", "finger", "wrist", "cursor", "")
_VELOCITY, _POSITION = ("vel", "velocity"), ("pos", "position")
# These move too, but are not what is decoded.
_OTHERS = ("eye", "gaze", "pupil", "target", "head", "joint", "joints")
_AXES = {"x": "y"}
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_SOME = 8


@dataclass(frozen=True, eq=False, repr=False)
class Found:
    """The series of a movement: one with x and y in its columns, or one of each."""

    series: tuple[TimeSeries, ...]
    is_position: bool

    @property
    def name(self) -> str:
        """Name of the series, or names of both."""
        return " and ".join(one.name for one in self.series)


def find_movement(nwb: NWBFile) -> Found | None:
    """Return the movement of the hand or cursor, preferably its velocity."""
    candidates = list(_candidates(list(all_series(nwb))))
    for is_position in (False, True):
        for mover in _MOVERS:
            for words, found in candidates:
                if found.is_position == is_position and (not mover or mover in words):
                    return found
    return None


def described(nwb: NWBFile) -> str:
    """Return the names, shapes and units of the time series, for a file without movement."""
    lines = [
        f"{one.name} {'×'.join(map(str, getattr(one.data, 'shape', ())))} in '{one.unit}'"
        for _, one in all_series(nwb)
    ]
    more = f" and {len(lines) - _SOME} more" if len(lines) > _SOME else ""
    return ", ".join(lines[:_SOME]) + more or "no time series"


def all_series(nwb: NWBFile) -> Iterator[tuple[str, TimeSeries]]:
    """Yield all time series with the name of the object that holds each."""
    holders = [module.data_interfaces for module in nwb.processing.values()]
    for held in [*holders, nwb.acquisition]:
        for name, one in held.items():
            if isinstance(one, TimeSeries):
                yield "", one
            for inner in ("spatial_series", "time_series"):
                yield from ((name, each) for each in getattr(one, inner, {}).values())


def _candidates(series: Sequence[tuple[str, TimeSeries]]) -> Iterator[tuple[set[str], Found]]:
    """Yield what can be a movement, with the words of its names."""
    by_words: dict[tuple[str, ...], TimeSeries] = {}
    for holder, one in series:
        words = _words(f"{holder} {one.name}")
        is_position = _is_position(words, str(one.unit))
        if is_position is None or set(words) & set(_OTHERS):
            continue
        shape = [int(n) for n in getattr(one.data, "shape", ())]
        if len(shape) == 2 and shape[1] in (2, 3) and shape[0] > 2:
            yield set(words), Found((one,), is_position)
        elif _n_columns(shape) == 1 and shape[0] > 2:
            by_words[words] = one
    for words, one in by_words.items():
        other = by_words.get(tuple(_AXES.get(word, word) for word in words))
        if other is not None and other is not one:
            is_position = _is_position(words, str(one.unit))
            yield set(words), Found((one, other), bool(is_position))


def words_of(name: str) -> set[str]:
    """Return the words of a name, such as ``hand`` and ``vel`` of ``handVel``."""
    return set(_words(name))


def _words(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _WORDS.findall(name))


def _is_position(words: Sequence[str], unit: str) -> bool | None:
    """Return True for a position, False for a velocity; None if name and unit tell neither."""
    if set(words) & set(_VELOCITY):
        return False
    if set(words) & set(_POSITION):
        return not is_speed(unit)
    if not set(words) & set(_MOVERS):
        return None
    return None if cm_per_unit(unit) is None else not is_speed(unit)


def _n_columns(shape: Sequence[int]) -> int:
    return 1 if len(shape) == 1 else shape[1] if len(shape) == 2 else 0
