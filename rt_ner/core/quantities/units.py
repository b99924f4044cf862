"""Units of length and speed, as people write them."""

import re

_SYMBOLS = {"m": 100.0, "dm": 10.0, "cm": 1.0, "mm": 0.1, "um": 1e-4, "µm": 1e-4, "in": 2.54}
_PREFIXES = {"": 100.0, "deci": 10.0, "centi": 1.0, "milli": 0.1, "micro": 1e-4}
_WORDS = {
    **{
        f"{prefix}{name}{plural}": cm
        for prefix, cm in _PREFIXES.items()
        for name in ("meter", "metre")
        for plural in ("", "s")
    },
    "inch": 2.54,
    "inches": 2.54,
}
_CM = _SYMBOLS | _WORDS
# A length, and for a speed what divides it by seconds: m/s, meters per second, m*s^-1, m s-1.
_PATTERN = re.compile(
    rf"(?P<length>{'|'.join(sorted(_CM, key=len, reverse=True))})\s*"
    r"(?P<rate>/\s*s(ec(onds?)?)?|per\s+sec(onds?)?|[*·.\s]\s*s\s*(\^|\*\*)?\s*-\s*1)?"
)
_PLAIN = str.maketrans({"⁻": "-", "−": "-", "¹": "1", "μ": "µ"})


def cm_per_unit(unit: str) -> float | None:
    """Return the factor from a unit of length or speed to cm or cm/s; None for any other unit.

    Examples
    --------
    >>> cm_per_unit("mm/s"), cm_per_unit("meters/second"), cm_per_unit("pixels")
    (0.1, 100.0, None)

    """
    found = _match(unit)
    return _CM[found["length"]] if found else None


def is_speed(unit: str) -> bool:
    """Return True for a unit of speed."""
    found = _match(unit)
    return bool(found and found["rate"])


def _match(unit: str) -> re.Match[str] | None:
    return _PATTERN.fullmatch(unit.strip().lower().translate(_PLAIN))
