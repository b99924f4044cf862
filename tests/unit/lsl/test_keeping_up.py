"""A simulated subject on a computer that is too slow says so; one that was stopped catches up."""

import pytest

from rt_ner.core.clock import NS_PER_S
from rt_ner.core.errors import RtNerError
from rt_ner.lsl.simulated_clock import KeepingUp


def late_by(*seconds: float) -> None:
    """Check once every half minute of the clock, each time late by so much."""
    keeping_up = KeepingUp(4.0)
    for look, late_s in enumerate(seconds, 1):
        now_ns = 31 * look * NS_PER_S
        keeping_up.check(now_ns - round(late_s * NS_PER_S), now_ns)


def test_a_subject_that_falls_ever_further_behind_ends() -> None:
    with pytest.raises(RtNerError, match=r"is 9 s late and .* too slow for --speed 4 now; choose"):
        late_by(0.01, 3, 9)


@pytest.mark.parametrize("seconds", [(0.01, 0.02, 0.5, 0.9), (0, 20, 12, 4, 0), (0, 8, 0, 8, 0)])
def test_a_stop_is_no_slowness(seconds: tuple[float, ...]) -> None:
    late_by(*seconds)
