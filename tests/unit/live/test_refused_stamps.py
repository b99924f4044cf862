"""Stamps that can't be times in seconds are refused with the reason, and nothing else is said."""

from collections.abc import Callable

import numpy as np
import pytest

from rt_ner.bundle.bundle import Bundle
from rt_ner.decoding.chunks import RasterChunk
from rt_ner.live.states import State
from tests.helpers.memory_rig import MS, START_NS, MemoryRig, event_stream, events

WRONG: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "ticks": (lambda time_ns: (time_ns - START_NS) * 30_000, "30,"),
    "milliseconds": (lambda time_ns: time_ns * 1000, "1,0|999|1,000"),
    "kiloseconds": (lambda time_ns: time_ns // 1000, "0.001"),
    "standing still": (lambda time_ns: np.full(time_ns.size, 10**9), "0"),
    "backwards": (lambda time_ns: 2 * START_NS - time_ns, "-1"),
}


@pytest.fixture
def rig(small_bundle: Bundle) -> MemoryRig:
    return MemoryRig(small_bundle.model)


def check_refused(rig: MemoryRig, advance: str) -> None:
    assert State.FAULT in rig.states
    (refused,) = [text for text in rig.results.notices if text.startswith("refused")]
    assert any(f"advance {number}" in refused for number in advance.split("|")), refused
    assert len(rig.results.notices) < 6
    assert min(rig.counted().values()) >= 0
    rig.check_standing_still()


@pytest.mark.parametrize("name", WRONG)
def test_a_raster(rig: MemoryRig, name: str) -> None:
    stamped, advance = WRONG[name]
    rig.appear()
    counts = np.zeros((10, len(rig.channel_ids)), dtype=np.int16)
    for _ in range(300):
        rig.wait(10)
        stamps_ns = stamped(rig.now_ns + np.arange(-9, 1, dtype=np.int64) * MS)
        rig.then(RasterChunk(stamps_ns, counts))
    check_refused(rig.run(), advance)
    assert not any("stale_ms" in text for text in rig.results.notices), "chunks are short"


@pytest.mark.parametrize("name", WRONG)
def test_events(rig: MemoryRig, name: str) -> None:
    stamped, advance = WRONG[name]
    rig.appear(event_stream(rig.channel_ids))
    for _ in range(300):
        rig.wait(10)
        time_ns = stamped(rig.now_ns + np.arange(-9, 1, dtype=np.int64) * MS)
        rig.then(events(time_ns.tolist(), [1] * 10))
    check_refused(rig.run(), advance)


@pytest.mark.parametrize("speed", [1, 20])
def test_events_of_a_fast_replay_are_times(rig: MemoryRig, speed: int) -> None:
    rig.appear(event_stream(rig.channel_ids))
    for _ in range(300):
        rig.wait(10)
        time_ns = rig.now_ns + np.arange(-9, 1, dtype=np.int64) * MS
        rig.then(events((START_NS + (time_ns - START_NS) * speed).tolist(), [1] * 10))
    rig.run()
    assert State.RUNNING in rig.states
    assert State.FAULT not in rig.states


def test_a_raster_that_repeats_itself_for_a_while_is_no_fault(rig: MemoryRig) -> None:
    rig.appear().raster(1000)
    counts = np.zeros((10, len(rig.channel_ids)), dtype=np.int16)
    stuck_ns = np.full(10, rig.now_ns)
    for _ in range(200):
        rig.wait(10).then(RasterChunk(stuck_ns, counts))
    rig.raster(1500).run()
    assert State.FAULT not in rig.states
    assert rig.states.count(State.RUNNING) == 2
