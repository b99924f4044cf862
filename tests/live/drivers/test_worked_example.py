"""The driver that CONTRIBUTING.md shows sends its amplifier's counts, by the amplifier's time."""

from collections.abc import Iterator
from threading import Event, Thread

import numpy as np
import pytest

from drivers.source import opened
from rt_ner.core.clock import NS_PER_MS as MS
from rt_ner.core.contract.kinds import Kind
from tests.helpers.code_blocks import shown_module
from tests.helpers.rig import inlet, pulled

# The clock is learned from these. After them, 5520 is lost, 5530 comes twice, and 5541 before 5540.
LEARNING = range(5000, 5501)
TIMED = [*range(5501, 5520), *range(5521, 5531), *range(5530, 5540), 5541, 5540, *range(5542, 5550)]
# The amplifier is then switched off and on, and counts anew.
LEARNING_ANEW, TIMED_ANEW = range(500), [500, 501]
SWITCHED_ON_NS = [10**12, 2 * 10**12]


def arrivals() -> Iterator[tuple[int, int]]:
    """Yield the number of each sample and the time of its arrival, at first ever sooner."""
    for n, number in enumerate([*LEARNING, *TIMED]):
        yield number, SWITCHED_ON_NS[0] + (number + 1) * MS - 10 * n
    for number in (*LEARNING_ANEW, *TIMED_ANEW):
        yield number, SWITCHED_ON_NS[1] + (number + 1) * MS


def counts_of(number: int) -> np.ndarray:
    return np.arange(4) + number % 7


def test_the_driver_sends_what_it_reads(source_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = shown_module("Add a driver", monkeypatch)
    stop, coming = Event(), arrivals()
    arrived_ns = 0

    def read() -> tuple[int, np.ndarray] | None:
        nonlocal arrived_ns
        if (sample := next(coming, None)) is None:
            # All is sent: wait until the listener has it.
            stop.wait()
            return None
        number, arrived_ns = sample
        return number, counts_of(number)

    monkeypatch.setattr(shown, "local_now_ns", lambda: arrived_ns)
    source = shown.AmplifierSource(read, ["a", "b", "c", "d"], source_id)
    sent = [*TIMED, *TIMED_ANEW]
    with opened(source):
        spikes = inlet(source_id, Kind.SPIKES)
        source.wait_for_listeners(source.kinds, stop)
        running = Thread(target=source.run, args=(stop,))
        running.start()
        try:
            values, stamps_ns = pulled(spikes, len(sent))
        finally:
            stop.set()
            running.join()
    np.testing.assert_array_equal(values, [counts_of(number) for number in sent])
    assert source.n_untimed == len(LEARNING) + len(LEARNING_ANEW)
    # By their numbers, but for what the offset has moved by; then by the new clock.
    times_ns = np.array([SWITCHED_ON_NS[0] + (number + 1) * MS for number in TIMED])
    np.testing.assert_allclose(stamps_ns[: len(TIMED)], times_ns, rtol=0, atol=10_000)
    # A sample that comes twice has the very same time twice.
    twice = TIMED.index(5530)
    assert stamps_ns[twice] == stamps_ns[twice + 1]
    anew_ns = [SWITCHED_ON_NS[1] + (number + 1) * MS for number in TIMED_ANEW]
    np.testing.assert_array_equal(stamps_ns[len(TIMED) :], anew_ns)
