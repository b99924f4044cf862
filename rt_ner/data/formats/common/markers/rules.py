"""Define which markers mean what: the ``[markers]`` of a recipe."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field, model_validator

from rt_ner.core.settings import Settings
from rt_ner.data.formats.common.markers.marker import Marker, plain

Role = Literal["start", "go", "end", "success", "failure", "direction"]
ROLES: tuple[Role, ...] = ("start", "go", "end", "success", "failure", "direction")
# A marker that is exactly one of these is not also one that fits only through a placeholder.
_EVENTS = frozenset(ROLES[:-1])
_PLACEHOLDERS = ("direction", "target", "number")
_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_DIGITS = r"[-+]?\d{1,9}(?:\.\d{1,9})?"
_MOST_PLACEHOLDERS = 4
_MOST_BITS, _MOST_DIGITS = 0xFFFF_FFFF, 20


def _listed(value: Any) -> tuple[str, ...]:
    """Return one marker, or a list of them, as texts."""
    return tuple(_checked(one) for one in (value if isinstance(value, list | tuple) else [value]))


def _checked(pattern: Any) -> str:
    """Return a code or text as text. Raise ValueError if it is neither, or has a mistake in it."""
    if isinstance(pattern, bool) or not isinstance(pattern, int | str):
        raise ValueError('expected a code, such as 9, or a text, such as "go"')
    text = plain(str(pattern))
    names = _PLACEHOLDER.findall(text)
    if not text:
        raise ValueError("an empty text: expected a code or a text; leave the key out if unknown")
    if unknown := [name for name in names if name not in _PLACEHOLDERS]:
        raise ValueError(
            f"no placeholder {{{unknown[0]}}}: expected {{direction}} (in degrees), {{target}} (a "
            "target's number) or {number} (any number)"
        )
    if any(names.count(name) > 1 for name in _PLACEHOLDERS[:2]) or len(names) > _MOST_PLACEHOLDERS:
        raise ValueError(
            f"'{text}': expected {{direction}} and {{target}} once each, and at most "
            f"{_MOST_PLACEHOLDERS} placeholders"
        )
    return text


Patterns = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class MarkersAt(Settings):
    """The markers of the trials: codes, or texts, or texts with a number left open.

    Attributes
    ----------
    stream
        Name of the markers' stream; in Blackrock files ``digital``, ``serial`` or ``comments``.
        Empty: all of them.
    bits
        Bits of a number that carry the code, such as 255; 0: all.
    start, go, end
        A trial's start, go cue (default: the start) and end.
    success, failure
        A trial's outcome. Without them, all trials are used.
    direction
        Markers that only tell the direction, by ``{direction}`` or ``{target}``.
    targets
        Number of targets, if ``{target}`` numbers them evenly spaced and counterclockwise from the
        x axis; 0: found out from the movement.
    degrees
        Direction in degrees that a marker means, by marker.

    """

    stream: str = ""
    bits: int = Field(default=0, ge=0, le=_MOST_BITS)
    start: Patterns = Field(min_length=1)
    go: Patterns = ()
    end: Patterns = Field(min_length=1)
    success: Patterns = ()
    failure: Patterns = ()
    direction: Patterns = ()
    targets: int = Field(default=0, ge=0, le=360)
    degrees: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _are_told(self) -> "MarkersAt":
        told = {
            name
            for role in ("start", "go", "end", "direction")
            for pattern in self.patterns(role)
            for name in _PLACEHOLDER.findall(pattern)
        }
        for pattern in (*self.success, *self.failure):
            for name in {*_PLACEHOLDER.findall(pattern)} - told - {"number"}:
                raise ValueError(
                    f"'{pattern}' is compared with the trial's own {{{name}}}, which no "
                    "start, go, end or direction tells"
                )
        if self.targets and "target" not in told:
            raise ValueError("targets needs {target} in start, go, end or direction")
        return self

    def patterns(self, role: Role) -> tuple[str, ...]:
        """Return the markers of a role."""
        found: tuple[str, ...] = getattr(self, role)
        return found


class Meaning(NamedTuple):
    """A role that a marker plays, the pattern that says so, and the numbers in it by name."""

    role: Role
    pattern: str
    numbers: Mapping[str, float]


def masked(marker: Marker, bits: int) -> Marker:
    """Return a marker with only some bits of its code; 0: all of them."""
    if not bits or not marker.text.isdecimal():
        return marker
    code = str(int(marker.text[:_MOST_DIGITS]) & bits)
    label = marker.labelled.removesuffix(marker.text)
    return marker._replace(text=code, labelled=f"{label}{code}" if label else "")


def meanings(rules: MarkersAt, marker: Marker) -> list[Meaning]:
    """Return all roles that a marker plays, and the direction that it means, if any."""
    texts = (marker.text, marker.labelled) if marker.labelled else (marker.text,)
    found = [each for role in ROLES for each in _fitting(role, rules.patterns(role), texts)]
    exact = [each for each in found if each.role in _EVENTS and each.pattern in texts]
    if exact:
        found = exact + [each for each in found if each.role not in _EVENTS]
    for text in texts:
        if text in rules.degrees:
            found.append(Meaning("direction", text, {"direction": rules.degrees[text]}))
    return found


def _fitting(role: Role, patterns: Iterable[str], texts: tuple[str, ...]) -> Iterator[Meaning]:
    """Yield a meaning for each pattern that a marker fits."""
    for pattern in patterns:
        for text in texts:
            if match := _compiled(pattern).fullmatch(text):
                numbers = {name: float(value) for name, value in match.groupdict().items() if value}
                yield Meaning(role, pattern, numbers)
                break


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern as a regular expression; ``{number}`` is not captured."""
    parts = _PLACEHOLDER.split(pattern)
    made = [
        re.escape(part) if not k % 2 else _DIGITS if part == "number" else f"(?P<{part}>{_DIGITS})"
        for k, part in enumerate(parts)
    ]
    return re.compile("".join(made))
