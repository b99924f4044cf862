"""A marker of a task's program: a text or a code at a time."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

# So many different markers are named, each of so many characters at most.
_SOME, _LONGEST = 12, 60
NUMBERS = re.compile(r"(?<![\w.])[-+]?\d{1,9}(\.\d{1,9})?(?!\w)")


class Marker(NamedTuple):
    """A marker.

    Attributes
    ----------
    time_ns
        Time since the recording's start.
    source
        Name of its stream, or ``digital``, ``serial`` or ``comments`` in a NEV file.
    text
        The marker itself; a code in digits.
    labelled
        The same with its channel's label, such as ``TargetCode 3``; empty without a label.

    """

    time_ns: int
    source: str
    text: str
    labelled: str = ""


def plain(text: str) -> str:
    """Return a marker's text with single spaces, and none around it."""
    return " ".join(text.replace("\0", " ").split())


def counts_by_source(markers: Iterable[Marker]) -> dict[str, dict[str, int]]:
    """Return how often each marker comes, the most frequent first, by source.

    Where a source has many different texts, their numbers are left open: ``go {number}``.
    """
    by_source: dict[str, Counter[str]] = {}
    for marker in markers:
        by_source.setdefault(marker.source, Counter())[marker.text] += 1
    return {source: dict(_open(counts).most_common()) for source, counts in by_source.items()}


def _open(counts: Counter[str]) -> Counter[str]:
    """Return counts with numbers left open, if that makes many texts fewer; codes stay."""
    if len(counts) <= _SOME:
        return counts
    found: Counter[str] = Counter()
    for text, n in counts.items():
        found[text if NUMBERS.fullmatch(text) else NUMBERS.sub("{number}", text)] += n
    return found


def in_words(counts: Mapping[str, int], most: int = _SOME) -> str:
    """Return counts as text, such as ``9 (×120), 18 (×120) and 3 more``."""
    texts = [f"{shown(text)} (×{n:,})" for text, n in list(counts.items())[:most]]
    more = f" and {len(counts) - most:,} more" if len(counts) > most else ""
    return ", ".join(texts) + more if texts else "none"


def shown(text: str, longest: int = _LONGEST) -> str:
    """Return a text that fits on a line of a message."""
    printable = "".join(letter if letter.isprintable() else "?" for letter in text[: longest + 1])
    return printable if len(printable) <= longest else f"{printable[:longest]}…"
