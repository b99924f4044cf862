"""The safety limiter: never faster than allowed, and never a value that is not finite."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt_ner.core.contract.outputs import VELOCITY_XY, Output, OutputKind
from rt_ner.live.rules.safety import SafetyLimiter, can_change_gain
from rt_ner.live.settings import SafetySettings
from tests.helpers.outputs import position_xy

SPEEDS = st.floats(width=32, allow_nan=True, allow_infinity=True)


@given(SPEEDS, SPEEDS, st.lists(st.sampled_from([1, -1]), max_size=30))
def test_no_velocity_exceeds_the_limit_or_is_not_finite(
    x: float, y: float, steps: list[int]
) -> None:
    limiter = SafetyLimiter(SafetySettings(max_speed_cm_s=200.0))
    for step in steps:
        limiter.change_gain(step)
    velocity, _ = limiter.limit(np.array([x, y], dtype=np.float32))
    assert np.isfinite(velocity).all()
    assert np.hypot(*velocity.astype(float)) <= 200.0 * (1 + 1e-6)


@given(st.floats(-150, 150, width=32), st.floats(-100, 100, width=32))
def test_within_the_limit_nothing_changes(x: float, y: float) -> None:
    velocity = np.array([x, y], dtype=np.float32)
    limited, was_too_fast = SafetyLimiter(SafetySettings(max_speed_cm_s=200.0)).limit(velocity)
    assert limited is velocity
    assert not was_too_fast


def test_the_direction_stays() -> None:
    limited, was_too_fast = SafetyLimiter(SafetySettings(max_speed_cm_s=30.0)).limit(
        np.array([300.0, -400.0], np.float32)
    )
    assert was_too_fast
    np.testing.assert_allclose(limited, [18.0, -24.0], rtol=1e-6)


def test_gain_goes_in_steps_of_a_tenth_and_ends_at_tenfold() -> None:
    limiter = SafetyLimiter(SafetySettings(max_speed_cm_s=1000.0))
    assert limiter.change_gain(1)
    np.testing.assert_allclose(limiter.limit(np.array([10, 0], np.float32))[0], [11, 0], rtol=1e-6)
    while can_change_gain(limiter.gain, 1):
        assert limiter.change_gain(1)
    assert limiter.gain == pytest.approx(1.1**24)
    assert not limiter.change_gain(1)
    assert not can_change_gain(0.0, -1), "no gain of ours"
    assert limiter.change_gain(-1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stops_the_cursor(value: float) -> None:
    limited, _ = SafetyLimiter(SafetySettings(max_speed_cm_s=200.0)).limit(
        np.array([1.0, value], np.float32)
    )
    assert not limited.any()


def test_a_speed_in_another_unit_is_limited_in_cm_s() -> None:
    outputs = tuple(Output(f"v{axis}", "m/s", OutputKind.VELOCITY) for axis in "xyz")
    limiter = SafetyLimiter(SafetySettings(max_speed_cm_s=50.0), outputs)
    limited, was_too_fast = limiter.limit(np.array([2.0, 0.0, 0.0], np.float32))
    assert was_too_fast
    np.testing.assert_allclose(limited, [0.5, 0.0, 0.0])
    limited, was_too_fast = limiter.limit(np.array([0.3, 0.0, 0.25], np.float32))
    assert not was_too_fast
    np.testing.assert_array_equal(limited, np.array([0.3, 0.0, 0.25], np.float32))


def test_only_velocities_are_limited_and_scaled() -> None:
    outputs = (*position_xy("hand"), VELOCITY_XY[0])
    limiter = SafetyLimiter(SafetySettings(max_speed_cm_s=20.0), outputs)
    limiter.change_gain(1)
    limited, was_too_fast = limiter.limit(np.array([300.0, -5.0, 100.0], np.float32))
    assert was_too_fast
    np.testing.assert_allclose(limited, [300.0, -5.0, 20.0], rtol=1e-6)
    np.testing.assert_array_equal(limiter.rest, [300.0, -5.0, 0.0])
    limited, _ = limiter.limit(np.array([np.nan, 1.0, 2.0], np.float32))
    np.testing.assert_array_equal(limited, [300.0, -5.0, 0.0])
