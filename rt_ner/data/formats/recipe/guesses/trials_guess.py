"""Guess which columns of a table, or which vectors, are the trials."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rt_ner.core.arrays import FloatArray
from rt_ner.data.formats.common.movement_words import words
from rt_ner.data.formats.common.trials.outcomes import OUTCOME_COLUMNS
from rt_ner.data.formats.recipe.guesses.found import Found
from rt_ner.data.formats.recipe.parts.marker_draft import ROLE_WORDS

_ROLES: Mapping[str, frozenset[str]] = {
    "start": frozenset(ROLE_WORDS["start"]),
    "go": frozenset(ROLE_WORDS["go"]),
    "end": frozenset(ROLE_WORDS["end"]),
    "direction": frozenset(("direction", "dir", "angle", "deg", "target", "index")),
    "outcome": frozenset(OUTCOME_COLUMNS),
}
_FEWEST_TRIALS, _MOST_COLUMNS, _MOST_TARGETS = 3, 20, 16


class _Column(NamedTuple):
    """A column of a table, or a vector: its path in a recipe, words of its name, and numbers."""

    path: str
    words: tuple[str, ...]
    values: FloatArray


def trial_lines(found: Sequence[Found]) -> list[str]:
    """Return the section on trials; as comments if none are found."""
    roles: Mapping[str, str] = next(filter(None, map(_roles, _tables(found))), {})
    if roles:
        return ["# Trials, by times in s.", "[trials]"] + [
            f'{role} = "{roles[role]}"  # a guess' for role in _ROLES if role in roles
        ]
    return [
        "# Trials, if there are any: either bins = 40 (bins per trial), or times in s, as here;",
        "# table:1 is column 1 of the array 'table'.",
        "# [trials]", '# start = "table:1"', '# end = "table:2"', '# direction = "table:3"',
    ]  # fmt: skip


def _tables(found: Sequence[Found]) -> Iterator[list[_Column]]:
    """Yield the columns of each table, and then all vectors of one length."""
    vectors = defaultdict(list)
    for one in found:
        if one.numbers is None or len(one.numbers) < _FEWEST_TRIALS:
            continue
        values = np.asarray(one.numbers, dtype=np.float64)
        if max(values.shape) == values.size:
            vectors[values.size].append(_Column(one.path, one.words, values.ravel()))
        elif values.ndim == 2 and values.shape[1] <= _MOST_COLUMNS:
            names = _names(found, values.shape[1])
            yield [
                _Column(f"{one.path}:{number + 1}", names[number], column)
                for number, column in enumerate(values.T)
            ]
    yield from vectors.values()


def _names(found: Sequence[Found], n_columns: int) -> list[tuple[str, ...]]:
    """Return the words of the columns' names, if as many texts are found; else none."""
    named = next((one.texts for one in found if len(one.texts) == n_columns), ("",) * n_columns)
    return [words(name) for name in named]


def _roles(columns: Sequence[_Column]) -> dict[str, str]:
    """Return the path of each role; empty unless starts and ends are plausible."""
    named = _by_names(columns)
    chosen = named if {"start", "end"} <= set(named) else _by_values(columns)
    if not {"start", "end"} <= set(chosen):
        return {}
    start, end = chosen["start"].values, chosen["end"].values
    known = np.isfinite(start) & np.isfinite(end)
    start, end = start[known], end[known]
    is_plausible = known.any() and (start < end).all() and (start[1:] >= end[:-1]).all()
    return {role: column.path for role, column in chosen.items()} if is_plausible else {}


def _by_names(columns: Sequence[_Column]) -> dict[str, _Column]:
    roles: dict[str, _Column] = {}
    for role, known in _ROLES.items():
        free = [one for one in columns if one not in roles.values()]
        fitting = (one for one in free if known & {*one.words, "_".join(one.words)})
        if column := next(fitting, None):
            roles[role] = column
    return roles


def _by_values(columns: Sequence[_Column]) -> dict[str, _Column]:
    """Return the roles by values: times ascend, outcomes are two numbers, targets are few."""
    times = sorted(filter(_ascends, columns), key=lambda one: float(np.nanmean(one.values)))
    if len(times) < 2:
        return {}
    roles = {"start": times[0], "end": times[-1]}
    if len(times) > 2:
        roles["go"] = times[1]
    for one in columns:
        different = np.unique(one.values[np.isfinite(one.values)])
        if (_steps(one) > 0).all() or not 1 <= different.size <= _MOST_TARGETS:
            continue
        role = "outcome" if set(different.tolist()) <= {0.0, 1.0} else "direction"
        roles.setdefault(role, one)
    return roles


def _ascends(column: _Column) -> bool:
    """Return True for ascending times; numbers of trials, 1, 2, 3 and so on, are none."""
    steps = _steps(column)
    return bool(steps.size and (steps > 0).all() and not (steps == 1).all())


def _steps(column: _Column) -> FloatArray:
    return np.diff(column.values[np.isfinite(column.values)])
