"""List everything that a file holds, by path, shape and range."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from rt_ner.core.arrays import AnyArray, FloatArray
from rt_ner.data.formats.common.guards.foreign_files import MatlabObject
from rt_ner.data.formats.common.movement_words import words

_LONGEST_TEXT = 40


class Found(NamedTuple):
    """A value in a file: its path, and what stands there."""

    path: str
    value: Any

    @property
    def words(self) -> tuple[str, ...]:
        """Words of its name in lower case."""
        return words(self.path.rpartition(".")[2])

    @property
    def numbers(self) -> AnyArray | None:
        """The array, if it is one of several numbers."""
        is_array = isinstance(self.value, np.ndarray) and self.value.dtype.kind in "fiu"
        return self.value if is_array and self.value.size > 1 else None

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of a list or an array of texts; empty for anything else."""
        flat = np.ravel(self.value).tolist() if _is_array(self.value, "UO") else self.value
        is_texts = isinstance(flat, list) and all(isinstance(one, str) for one in flat)
        return tuple(one.strip() for one in flat) if is_texts else ()

    def described(self) -> str:
        """Return path, shape and range as one line."""
        if self.numbers is not None:
            shape = "×".join(map(str, self.numbers.shape))
            return f"{self.path}: {shape}, {_range(self.numbers)}"
        return f"{self.path}: {_in_words(self.value)}"


def found_in(content: Mapping[str, Any], prefix: str = "") -> Iterator[Found]:
    """Yield all that stands in a file, without the structs and groups around it."""
    for name, value in content.items():
        if name.startswith("__"):
            continue
        if isinstance(value, Mapping):
            yield from found_in(value, f"{prefix}{name}.")
        else:
            yield Found(f"{prefix}{name}", value)


def trains_of(value: Any) -> list[FloatArray] | None:
    """Return the vectors of numbers in a list, a cell array or lists of lists; None if not all are.

    A list of one number stands as that number.
    """
    if not isinstance(value, list) and not _is_array(value, "O"):
        return None
    trains: list[FloatArray] = []
    for one in value:
        inner = trains_of(one)
        if inner is None:
            flat = np.asarray(one) if np.ndim(one) == 0 or isinstance(one, np.ndarray) else None
            if (
                flat is None
                or flat.dtype.kind not in "fiu"
                or max(flat.shape, default=1) < flat.size
            ):
                return None
            inner = [np.ravel(flat).astype(np.float64)]
        trains += inner
    return trains


def _is_array(value: Any, kinds: str) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in kinds


def _range(numbers: AnyArray) -> str:
    values = np.asarray(numbers, dtype=np.float64)
    known = values[np.isfinite(values)]
    return f"{known.min():.4g} to {known.max():.4g}" if known.size else "all NaN"


def _in_words(value: Any) -> str:
    """Return what stands at a path that holds no array of numbers."""
    if isinstance(value, MatlabObject):
        return str(value)
    if isinstance(value, list) or _is_array(value, "O"):
        n = len(value)
        if (trains := trains_of(value)) is not None:
            sizes = [train.size for train in trains]
            return (
                f"list of {n}, each of {min(sizes, default=0)} to {max(sizes, default=0)} numbers"
            )
        is_texts = all(isinstance(one, str) for one in value)
        return f"list of {n} texts" if is_texts else f"list of {n}"
    if np.ndim(value):
        return "×".join(map(str, np.shape(value))) + f" of type {np.asarray(value).dtype}"
    return repr(value if isinstance(value, str) else np.asarray(value).item())[:_LONGEST_TEXT]
