"""Units of length and speed, as files and streams name them."""

import pytest

from rt_ner.core.quantities.units import cm_per_unit, is_speed


@pytest.mark.parametrize(
    ("unit", "cm"),
    [
        ("m", 100.0), ("meters", 100.0), ("Metre", 100.0), ("cm", 1.0), (" centimeters ", 1.0),
        ("mm", 0.1), ("millimeters", 0.1), ("um", 1e-4), ("μm", 1e-4), ("inches", 2.54),
    ],
)  # fmt: skip
def test_lengths_and_their_speeds(unit: str, cm: float) -> None:
    assert cm_per_unit(unit) == cm
    assert not is_speed(unit)
    for rate in ("/s", "/sec", " / second", "/seconds", " per second", "*s^-1", " s-1", "·s⁻¹"):
        assert cm_per_unit(unit.strip() + rate) == cm
        assert is_speed(unit.strip() + rate)


@pytest.mark.parametrize("unit", ["pixels", "ms", "s", "V", "a.u.", "", "deg/s", "rad", "mm/ms"])
def test_anything_else_is_no_length(unit: str) -> None:
    assert cm_per_unit(unit) is None
    assert not is_speed(unit)
