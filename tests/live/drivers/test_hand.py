"""A hand over LSL: the velocity that the cursor of an open loop follows."""

from threading import Event, Thread

import numpy as np

from drivers.hand.hand import HandSource
from drivers.source import opened
from rt_ner.core.contract.kinds import Kind
from tests.helpers.rig import inlet
from tests.helpers.waiting import LONGEST_S


def test_positions_become_velocities(source_id: str) -> None:
    """A circle of 5 cm, once per 100 readings, as the source itself reads it."""
    n_read, stop = 0, Event()

    def position_cm() -> tuple[float, float]:
        nonlocal n_read
        n_read += 1
        angle = 2 * np.pi * n_read / 100
        return 5 * float(np.cos(angle)), 5 * float(np.sin(angle))

    source = HandSource(position_cm, source_id)
    with opened(source):
        kinematics = inlet(source_id, Kind.KINEMATICS)
        running = Thread(target=source.run, args=(stop,))
        running.start()
        samples, stamps_s = kinematics.pull_chunk(LONGEST_S, 100)
        stop.set()
        running.join()
    assert len(stamps_s) == 100
    steps_s = np.diff(stamps_s)
    assert (steps_s > 0).all()
    # The way between two readings is a chord of the circle, however late they come.
    way_cm = np.hypot(*np.array(samples)[1:].T) * steps_s
    np.testing.assert_allclose(way_cm, 10 * np.sin(np.pi / 100), rtol=1e-3)
