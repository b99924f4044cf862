"""Read and write sets of cores and other numbers as Linux does, e.g. 0-2,5."""

from collections.abc import Iterable


def parsed_numbers(text: str) -> set[int]:
    """Return the numbers in Linux's notation; ValueError if it is not that."""
    numbers: set[int] = set()
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        numbers.update(range(int(first), int(last or first) + 1))
    return numbers


def in_linux_notation(numbers: Iterable[int]) -> str:
    """Return numbers in Linux's notation."""
    runs: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
