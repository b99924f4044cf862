"""The driver that CONTRIBUTING.md shows sends what its amplifier counts."""

from threading import Event, Thread

import numpy as np
import pytest

from drivers.source import opened
from rt_ner.core.contract.kinds import Kind
from tests.helpers.code_blocks import shown_module
from tests.helpers.rig import inlet, pulled

N_SAMPLES = 50


def test_the_driver_sends_what_it_reads(source_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = shown_module("Add a driver", monkeypatch)
    stop, sent = Event(), iter(np.arange(N_SAMPLES * 4).reshape(-1, 4) % 7)

    def read() -> np.ndarray:
        counts = next(sent, None)
        if counts is None:
            # All is sent: wait until the listener has it.
            stop.wait()
            return np.zeros(4, dtype=np.int64)
        return counts

    source = shown.AmplifierSource(read, ["a", "b", "c", "d"], source_id)
    with opened(source):
        spikes = inlet(source_id, Kind.SPIKES)
        source.wait_for_listeners(source.kinds, stop)
        running = Thread(target=source.run, args=(stop,))
        running.start()
        try:
            values, stamps_s = pulled(spikes, N_SAMPLES)
        finally:
            stop.set()
            running.join()
    np.testing.assert_array_equal(values, np.arange(N_SAMPLES * 4).reshape(-1, 4) % 7)
    assert (np.diff(stamps_s) >= 0).all()
