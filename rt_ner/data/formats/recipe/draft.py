"""Draft a recipe for a file: every array listed, and a guess of what each is."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.guards.foreign_files import foreign_file
from rt_ner.data.formats.common.guards.stand_ins import recording_at
from rt_ner.data.formats.recipe.content import content_of
from rt_ner.data.formats.recipe.parts.marker_draft import marker_draft
from rt_ner.data.formats.recipe.reader import is_recording, recorded

# An array of spikes has so many channels or more, behaviour so many columns at most.
_FEWEST_CHANNELS, _MOST_COLUMNS = 8, 6
_ROUNDING, _LOWEST_RATE_HZ = 1e-6, 4.0


class _Found(NamedTuple):
    """An array of numbers: its path and values."""

    path: str
    values: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(np.shape(self.values))


def draft_recipe(path: Path, name: str) -> str:
    """Return a recipe (TOML) for a file, with comments on what could not be guessed.

    ``name`` is that of the file, as the recipe names it.
    Raises SessionError if the file can't be read, or holds nothing like spikes or markers.
    """
    path = recording_at(path)
    if is_recording(path):
        with foreign_file("recording"):
            return marker_draft(recorded(path), name)
    arrays = list(_arrays(content_of(path)))
    listed = [f"#   {one.path}: {'×'.join(map(str, one.shape))}, {_range(one)}" for one in arrays]
    spikes = _spikes(arrays)
    if spikes is None:
        names = ", ".join(one.path for one in arrays) or "no arrays of numbers"
        raise SessionError(
            "no array looks like spikes: expected bins × channels without negative numbers, "
            f"{_FEWEST_CHANNELS} channels or more, and at least five times as many bins; the file "
            f"holds {names}: write the recipe yourself, as in docs/recordings.md"
        )
    n_bins = max(spikes.shape)
    lines = [
        "# A draft: check every line. This file holds:", *listed, "",
        f"file = {json.dumps(name)}", "",
        *_spike_lines(spikes, n_bins), "", *_output_lines(arrays, spikes, n_bins),
        *_time_lines(arrays, n_bins), "",
        "# Trials, if there are any: either bins = 40 (bins per trial), or times in s, as here;",
        "# table:1 is column 1 of the array 'table'.",
        "# [trials]", '# start = "table:1"', '# end = "table:2"', '# direction = "table:3"', "",
    ]  # fmt: skip
    return "\n".join(lines)


def _arrays(content: Mapping[str, Any], prefix: str = "") -> Iterator[_Found]:
    """Yield all arrays of numbers with more than one value."""
    for name, value in content.items():
        if name.startswith("__"):
            continue
        if isinstance(value, Mapping):
            yield from _arrays(value, f"{prefix}{name}.")
        elif isinstance(value, np.ndarray) and value.dtype.kind in "fiu" and value.size > 1:
            yield _Found(f"{prefix}{name}", value)


def _range(one: _Found) -> str:
    values = np.asarray(one.values, dtype=np.float64)
    known = values[np.isfinite(values)]
    return f"{known.min():.4g} to {known.max():.4g}" if known.size else "all NaN"


def _spikes(arrays: list[_Found]) -> _Found | None:
    """Return the array most like spikes: no negative number, and many channels and bins."""
    likely = [
        one
        for one in arrays
        if len(one.shape) == 2
        and min(one.shape) >= _FEWEST_CHANNELS
        and max(one.shape) >= 5 * min(one.shape)
        and float(np.min(one.values)) >= 0
    ]
    return max(likely, key=lambda one: min(one.shape), default=None)


def _spike_lines(spikes: _Found, n_bins: int) -> list[str]:
    values = np.asarray(spikes.values, dtype=np.float64)
    is_whole = bool((np.abs(values - np.rint(values)) < _ROUNDING).all())
    # A single spike in a bin of less than a second is a rate of several Hz.
    is_counts = is_whole and values[values > 0].min(initial=1.0) < _LOWEST_RATE_HZ
    axes = '["bin", "channel"]' if spikes.shape[0] == n_bins else '["channel", "bin"]'
    guess = "counts" if is_counts else "rates"
    return [
        "[spikes]", f'array = "{spikes.path}"', f"axes = {axes}",
        f'values = "{guess}"  # a guess: counts, rates (in Hz), smoothed or times',
    ]  # fmt: skip


def _output_lines(arrays: list[_Found], spikes: _Found, n_bins: int) -> list[str]:
    """Return a section for each array that can be behaviour; those not named so as comments."""
    likely = [
        one
        for one in arrays
        if one.path != spikes.path and len(one.shape) == 2 and one.shape[0] == n_bins
        and one.shape[1] <= _MOST_COLUMNS
    ]  # fmt: skip
    named = [one for one in likely if _kind(one.path)] or likely[:1]
    lines = []
    for one in likely:
        mark = "" if one in named else "# "
        kind = _kind(one.path) or "velocity"
        unit = "cm" if kind == "position" else "cm/s"
        lines += [
            f"{mark}[[outputs]]", f'{mark}array = "{one.path}"',
            f"{mark}columns = {list(range(1, one.shape[1] + 1))}",
            f'{mark}unit = "{unit}"  # a placeholder: enter the true unit',
            f'{mark}kind = "{kind}"' + ("" if _kind(one.path) else "  # could not be guessed"), "",
        ]  # fmt: skip
    return lines or ["# No behaviour was found: [[outputs]] needs an array with a row per bin.", ""]


def _kind(path: str) -> str:
    """Return the kind of behaviour that a name tells; empty if it tells none."""
    name = path.lower()
    return "velocity" if "vel" in name else "position" if "pos" in name else ""


def _time_lines(arrays: list[_Found], n_bins: int) -> list[str]:
    for one in arrays:
        flat = np.ravel(one.values)
        if flat.size == n_bins == max(one.shape) and (np.diff(flat) > 0).all():
            return ["[time]", f'bins = "{one.path}"', 'at = "start"']
    return ["[time]", "bin_s = 0.05  # could not be guessed: the length of a bin in s"]
