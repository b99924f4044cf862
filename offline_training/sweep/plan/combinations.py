"""List combinations of settings by number, without holding them."""

import random
from collections.abc import Mapping, Sequence
from math import prod

from pydantic import JsonValue

Combination = Mapping[str, JsonValue]


class Grid(Sequence[Combination]):
    """Every combination of some values per setting; the last setting changes fastest."""

    def __init__(self, values: Mapping[str, Sequence[JsonValue]]) -> None:
        self._values = dict(values)
        self.size = prod(map(len, self._values.values()))

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, number: int) -> Combination:  # type: ignore[override]
        """Return the combination of a number; IndexError if there is none."""
        if not 0 <= number < self.size:
            raise IndexError(number)
        chosen: dict[str, JsonValue] = {}
        for name, values in reversed(self._values.items()):
            number, place = divmod(number, len(values))
            chosen[name] = values[place]
        return {name: chosen[name] for name in self._values}


class Sample(Sequence[Combination]):
    """Some combinations of a grid, drawn at random without repeats."""

    def __init__(self, grid: Grid, n: int, seed: int) -> None:
        self._grid = grid
        rng = random.Random(seed)  # noqa: S311 - no secret
        self._numbers = sorted(rng.sample(range(grid.size), min(n, grid.size)))

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, number: int) -> Combination:  # type: ignore[override]
        """Return the combination of a number."""
        return self._grid[self._numbers[number]]
