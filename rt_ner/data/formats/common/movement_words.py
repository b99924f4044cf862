"""Tell a movement of the hand or cursor by the words of a name."""

import re
from collections.abc import Sequence

from rt_ner.core.quantities.units import cm_per_unit, is_speed

# In order of preference; any other mover comes last.
MOVERS = ("hand", "finger", "wrist", "cursor", "joystick", "manipulandum", "")
_VELOCITY, _POSITION = ("vel", "velocity"), ("pos", "position")
_OTHERS = ("eye", "gaze", "pupil", "target", "head", "joint", "joints")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def words(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case, such as ``hand`` and ``vel`` of ``handVel``."""
    return tuple(word.lower() for word in _WORDS.findall(name))


def is_other(own: Sequence[str]) -> bool:
    """Return True if words name something else that moves but is not decoded, such as the eyes."""
    return bool(set(own) & set(_OTHERS))


def is_position(own: Sequence[str], unit: str) -> bool | None:
    """Return True for a position, False for a velocity; None if words and unit tell neither."""
    if is_other(own):
        return None
    if set(own) & set(_VELOCITY):
        return False
    if set(own) & set(_POSITION):
        return not is_speed(unit)
    if not set(own) & set(MOVERS):
        return None
    return None if cm_per_unit(unit) is None else not is_speed(unit)
