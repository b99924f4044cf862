"""Outcomes of trials: which of them succeeded, by the words that labs use."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from rt_ner.core.arrays import BoolArray

OUTCOME_COLUMNS = (
    "success", "is_successful", "is_success", "successful", "is_rewarded", "rewarded", "correct",
    "is_correct", "result", "outcome", "trial_result", "trial_outcome",
)  # fmt: skip
_SUCCESS = frozenset(
    ("r", "reward", "rewarded", "success", "successful", "succeeded", "true", "correct", "hit",
     "yes", "pass", "passed", "1", "1.0")
)  # fmt: skip
_FAILURE = frozenset(
    ("f", "fail", "failed", "failure", "false", "a", "abort", "aborted", "i", "incomplete", "error",
     "incorrect", "miss", "missed", "timeout", "no", "none", "nan", "unrewarded", "0", "0.0", "")
)  # fmt: skip


class Outcomes(NamedTuple):
    """True for each trial that succeeded, and notes on how that was found."""

    succeeded: BoolArray
    notes: tuple[str, ...]


def outcomes(table: Mapping[str, Any], n_trials: int) -> Outcomes:
    """Return which trials of a table succeeded; all, if it does not say so in known words."""
    everyone = np.ones(n_trials, dtype=np.bool_)
    for name in OUTCOME_COLUMNS:
        if name not in table:
            continue
        words = [_word(value) for value in table[name]]
        succeeded = np.array([word in _SUCCESS for word in words], dtype=np.bool_)
        if succeeded.any() or set(words) <= _FAILURE:
            return Outcomes(succeeded, ())
        note = (
            f"'{name}' holds {_some(words)}, none of which is known to mean success: all trials "
            "are used"
        )
        return Outcomes(everyone, (note,))
    return Outcomes(everyone, ())


def _word(value: Any) -> str:
    """Return an outcome as a lower-case word; a character's code is that character."""
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, int | float | np.number):
        number = float(value)
        if not np.isfinite(number):
            return "nan"
        is_letter = number == int(number) and chr(int(number) % 0x110000).isalpha()
        return chr(int(number)).lower() if is_letter and number < 128 else f"{number:g}"
    return str(value).strip().lower()


def _some(words: Iterable[str]) -> str:
    """Return the first few different words."""
    different = sorted(set(words))
    return ", ".join(map(repr, different[:5])) + (", …" if len(different) > 5 else "")
