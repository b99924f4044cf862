"""Describe a proposal: what is so now, what it would become, and why."""

import re
from dataclasses import dataclass

from rt_ner.doctor.computer.files.numbers import in_linux_notation
from rt_ner.doctor.computer.files.system_files import SystemFiles


@dataclass(frozen=True)
class Change:
    """A change of one file's content; ``before`` is None if there is no such file."""

    file: str
    before: str | None
    after: str


@dataclass(frozen=True)
class Proposal:
    """A proposal, for one cause of late wake-ups.

    Attributes
    ----------
    name
        The cause, such as ``CPU governor``.
    now
        The state of the computer, or the reason why there is nothing to do.
    becomes
        The state after the changes.
    why
        One sentence.
    changes
        Empty: nothing to do.
    notes
        Sentences on what else matters.
    works_at_once
        False if it takes effect later, so that no effect can be measured now.

    """

    name: str
    now: str
    becomes: str = ""
    why: str = ""
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    works_at_once: bool = True

    def is_permitted(self, files: SystemFiles) -> bool:
        """Return True if this process may make all the changes."""
        return all(files.may_write(change.file) for change in self.changes)


def names_in_words(names: list[str]) -> list[str]:
    """Return names of files, with those that differ in their first number joined: ``/x[0-3]/y``."""
    numbers: dict[tuple[str, str], list[int]] = {}
    for name in names:
        start, number, end = re.fullmatch(r"(\D*)(\d*)(.*)", name, re.DOTALL).groups()  # type: ignore[union-attr]
        numbers.setdefault((start, end), []).extend([int(number)] if number else [])
    return [
        f"{start}{_in_brackets(found) if found else ''}{end}"
        for (start, end), found in numbers.items()
    ]


def _in_brackets(numbers: list[int]) -> str:
    text = in_linux_notation(numbers)
    return text if text.isdigit() else f"[{text}]"
