"""Stalls of the computer: a sleep that was too long, and what its host took."""

from itertools import count

import pytest

from rt_ner.system.computer import stalls
from rt_ner.system.computer.machine import machine
from rt_ner.system.computer.stalls import StallWatch, steal_s


def test_a_stall_is_found_at_the_intervals_that_it_touches() -> None:
    watch = StallWatch(lambda: 0.0)
    watch._stalls += [(10.0, 0.004), (20.0, 0.002), (20.001, 0.003)]
    assert watch.longest_s(9.999, 10.5) == 0.004
    assert watch.longest_s(9.0, 9.997) == 0.004
    assert watch.longest_s(9.0, 9.995) == 0.0
    assert watch.longest_s(10.0, 15.0) == 0.0
    assert watch.longest_s(15.0, 25.0) == 0.003


def test_steal_is_that_between_the_readings_around_an_interval() -> None:
    watch = StallWatch(lambda: 0.0)
    watch._steal += [(1.0, 5.0), (2.0, 5.0), (3.0, 5.02), (4.0, 5.02)]
    assert watch.stolen_s(2.1, 2.2) == pytest.approx(0.02)
    assert watch.stolen_s(3.1, 3.9) == 0.0
    assert watch.stolen_s(3.9, 4.1) == 0.0  # Not read any more.
    assert watch.stolen_s(0.5, 1.5) == 0.0


def test_within_the_block_late_sleeps_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = count()
    watch = StallWatch(lambda: next(ticks) * 0.01)

    def sleep(_: float) -> None:
        if next(ticks) > 100:
            watch._closed.set()

    monkeypatch.setattr(stalls.time, "sleep", sleep)
    with watch:
        for thread in watch._threads:
            thread.join()
    assert watch.longest_s(0.0, 1e9) > 0


def test_the_computer_is_described() -> None:
    assert set(machine()) == {"processor", "operating system", "Python"}
    steal = steal_s()
    assert steal is None or steal >= 0
