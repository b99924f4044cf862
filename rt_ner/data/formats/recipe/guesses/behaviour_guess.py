"""Guess which arrays of a file are behaviour, and how their samples are timed."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rt_ner.core.arrays import AnyArray
from rt_ner.data.formats.common.movement_words import MOVERS, is_other
from rt_ner.data.formats.recipe.guesses.found import Found
from rt_ner.data.formats.recipe.guesses.spikes_guess import SpikesGuess

_MOST_COLUMNS = 6
# A derivative agrees with a velocity from this correlation on.
_AGREES = 0.9
_RATE_WORDS = {"fs", "hz", "rate", "freq", "frequency", "srate"}
_PLACES = {"xy", "xyz"}


class _Moved(NamedTuple):
    """An array that can be behaviour, and its kind; empty if it is not known."""

    path: str
    values: AnyArray
    kind: str


def behaviour_lines(found: Sequence[Found], spikes: SpikesGuess | None) -> list[str]:
    """Return the sections on outputs and time."""
    n_bins = spikes.n_bins if spikes else 0
    arrays = [one for one in found if spikes is None or one.path != spikes.path]
    likely = _likely(arrays, n_bins)
    n_samples = len(likely[0].values) if likely else n_bins
    return [*_output_lines(likely), *_time_lines(found, n_samples, is_binned=n_bins > 0)]


def _likely(arrays: Sequence[Found], n_bins: int) -> list[_Moved]:
    """Return the arrays with a row per bin; without bins, those that have the most rows."""
    flat = [
        (one, one.numbers)
        for one in arrays
        if one.numbers is not None and one.numbers.ndim == 2
        and one.numbers.shape[1] <= min(_MOST_COLUMNS, one.numbers.shape[0] - 1)
    ]  # fmt: skip
    n_rows = n_bins or max((len(values) for _, values in flat), default=0)
    same = [_Moved(one.path, values, _kind(one)) for one, values in flat if len(values) == n_rows]
    return [one._replace(kind=one.kind or _kind_beside(one, same)) for one in same]


def _kind(one: Found) -> str:
    """Return the kind of behaviour that a name tells; empty if it tells none."""
    name = one.path.rpartition(".")[2].lower()
    if "vel" in name:
        return "velocity"
    is_mover = bool(set(one.words) & (_PLACES | set(MOVERS))) and not is_other(one.words)
    return "position" if "pos" in name or is_mover else ""


def _kind_beside(one: _Moved, others: Sequence[_Moved]) -> str:
    """Return the kind that another array tells: a velocity is the derivative of a position."""
    for other in others:
        if other.path != one.path and other.values.shape == one.values.shape:
            if _is_derivative(other.values, one.values):
                return "velocity"
            if _is_derivative(one.values, other.values):
                return "position"
    return ""


def _is_derivative(position: AnyArray, velocity: AnyArray) -> bool:
    moved = np.gradient(np.asarray(position, dtype=np.float64), axis=0).ravel()
    stated = np.asarray(velocity, dtype=np.float64).ravel()
    known = np.isfinite(moved) & np.isfinite(stated)
    spread = moved[known].std() * stated[known].std() if known.any() else 0.0
    if not spread:
        return False
    shared = np.mean((moved[known] - moved[known].mean()) * (stated[known] - stated[known].mean()))
    return bool(shared / spread > _AGREES)


def _output_lines(likely: Sequence[_Moved]) -> list[str]:
    """Return a section for each array that can be behaviour; those of no known kind as comments."""
    named = [one for one in likely if one.kind] or likely[:1]
    has_velocity = any(one.kind == "velocity" for one in named)
    lines = []
    for one in likely:
        mark = "" if one in named else "# "
        kind = one.kind or "velocity"
        lines += [
            f"{mark}[[outputs]]", f'{mark}array = "{one.path}"',
            f"{mark}columns = {list(range(1, one.values.shape[1] + 1))}",
            f'{mark}unit = "{"cm" if kind == "position" else "cm/s"}"  '
            "# a placeholder: enter the true unit",
            f'{mark}kind = "{kind}"' + ("" if one.kind else "  # could not be guessed"),
        ]  # fmt: skip
        if kind == "position" and not has_velocity:
            lines += [f'{mark}derive = "velocity"  # without this line, the position is decoded']
        lines += [""]
    return lines or [
        "# [[outputs]] could not be guessed: it needs an array with a row per sample.", ""
    ]  # fmt: skip


def _time_lines(found: Sequence[Found], n_samples: int, *, is_binned: bool) -> list[str]:
    clock = next((one.path for one in found if _is_clock(one, n_samples)), "")
    if clock and is_binned:
        return ["[time]", f'bins = "{clock}"', 'at = "start"']
    if clock:
        return ["[time]", f'behaviour = "{clock}"']
    if is_binned:
        return ["[time]", "bin_s = 0.05  # could not be guessed: the length of a bin in s"]
    rates = [(one.path, _rate_hz(one)) for one in found if set(one.words) & _RATE_WORDS]
    for path, rate_hz in rates:
        if rate_hz:
            return ["[time]", f"rate_hz = {rate_hz:g}  # a guess, by {path}; the first is at 0 s"]
    return [
        "[time]",
        '# behaviour = "t"  # could not be guessed: the path of the samples\' times in s, or',
        "# rate_hz = 1000   # their number per second, the first at 0 s",
    ]


def _is_clock(one: Found, n_samples: int) -> bool:
    """Return True for one ascending number per sample."""
    if one.numbers is None or not one.numbers.size == n_samples == max(one.numbers.shape):
        return False
    return bool((np.diff(one.numbers.ravel()) > 0).all())


def _rate_hz(one: Found) -> float:
    """Return a rate that stands alone; 0 if there is none."""
    value = np.asarray(0.0 if isinstance(one.value, list) else one.value)
    is_rate = value.dtype.kind in "fiu" and value.size == 1 and np.isfinite(value).all()
    return max(float(value.ravel()[0]), 0.0) if is_rate else 0.0
