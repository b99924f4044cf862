"""Make text of others fit to be shown."""

from collections.abc import Iterable

_LONGEST = 300


def shown(text: str) -> str:
    """Return a text that nobody vouches for in one short line, without control characters.

    The page shows it as text, never as HTML; here goes what could still mislead, such as characters
    that reverse the direction of writing.
    """
    line = "".join(each if each.isprintable() else " " for each in text[: _LONGEST + 1])
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def all_shown(texts: Iterable[str]) -> list[str]:
    """Return texts fit to be shown."""
    return [shown(text) for text in texts]
