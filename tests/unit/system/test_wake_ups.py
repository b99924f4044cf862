"""The lateness of wake-ups, by a clock of the test's own."""

import numpy as np
import pytest

from rt_ner.system.computer.wake_ups import lateness_ns, summed_up

MS = 1_000_000


class Clock:
    """Time passes only in sleeps, each of which is too long by the next of ``late_ns``."""

    def __init__(self, *late_ns: int) -> None:
        self.now = 5 * MS
        self._late_ns = iter(late_ns)

    def now_ns(self) -> int:
        return self.now

    def sleep_s(self, seconds: float) -> None:
        self.now += round(seconds * 1e9) + next(self._late_ns)


def measured(n: int, *late_ns: int) -> list[int]:
    clock = Clock(*late_ns)
    return lateness_ns(n, clock.now_ns, clock.sleep_s).tolist()


def test_lateness_does_not_add_up() -> None:
    assert measured(4, 10_000, 0, 300_000, 20_000) == [10_000, 0, 300_000, 20_000]


def test_a_long_delay_makes_all_wake_ups_late_that_were_due_meanwhile() -> None:
    assert measured(5, 3 * MS + 1000, 7) == [3 * MS + 1000, 2 * MS + 1000, MS + 1000, 1000, 7]


def test_percentiles_are_in_microseconds() -> None:
    wake_ups = summed_up(1000 * np.arange(101), ("no priority",))
    assert (wake_ups.n, wake_ups.refused) == (101, ("no priority",))
    assert (wake_ups.p50_us, wake_ups.p99_us, wake_ups.max_us) == pytest.approx((50, 99, 100))
