"""Wake-ups are measured in a process of their own. Nothing is asserted of how late they are."""

import os
import sys
from threading import Event

import pytest

from rt_ner.core.errors import RtNerError
from rt_ner.system.computer.wake_ups import measure_wake_ups


def a_core() -> int:
    return min(os.sched_getaffinity(0)) if sys.platform == "linux" else 0


def test_each_millisecond_is_a_wake_up() -> None:
    wake_ups = measure_wake_ups(a_core(), 0.05, Event(), lambda _part: None)
    assert wake_ups is not None
    assert wake_ups.n == 50
    assert 0 <= wake_ups.p50_us <= wake_ups.p99_us <= wake_ups.max_us


def test_a_measurement_can_be_stopped() -> None:
    stop = Event()
    stop.set()
    assert measure_wake_ups(a_core(), 60.0, stop, lambda _part: None) is None


def test_a_measurement_that_fails_says_why() -> None:
    with pytest.raises(RtNerError, match="wake-ups on core -1 can.t be measured"):
        measure_wake_ups(-1, 0.05, Event(), lambda _part: None)
