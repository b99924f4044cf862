"""Find the series of a movement among all time series of an NWB file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pynwb import NWBFile, TimeSeries

from rt_ner.data.formats.common.movement_words import MOVERS, is_position, words

_AXES = {"x": "y"}
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
    for wants_position in (False, True):
        for mover in MOVERS:
            for own, found in candidates:
                if found.is_position == wants_position and (not mover or mover in own):
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
        own = words(f"{holder} {one.name}")
        of_position = is_position(own, str(one.unit))
        if of_position is None:
            continue
        shape = [int(n) for n in getattr(one.data, "shape", ())]
        if len(shape) == 2 and shape[1] in (2, 3) and shape[0] > 2:
            yield set(own), Found((one,), of_position)
        elif _n_columns(shape) == 1 and shape[0] > 2:
            by_words[own] = one
    for own, one in by_words.items():
        other = by_words.get(tuple(_AXES.get(word, word) for word in own))
        if other is not None and other is not one:
            yield set(own), Found((one, other), bool(is_position(own, str(one.unit))))


def _n_columns(shape: Sequence[int]) -> int:
    return 1 if len(shape) == 1 else shape[1] if len(shape) == 2 else 0
