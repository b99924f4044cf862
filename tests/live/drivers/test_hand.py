"""A hand over LSL: the velocity that the cursor of an open loop follows, and its button."""

import ctypes
import os
import shutil
import subprocess
from threading import Event, Thread

import numpy as np
import pytest

from drivers.hand.hand import Hand, HandSource
from drivers.hand.mouse_button import left_button
from drivers.source import opened
from rt_ner.core.contract.kinds import Kind
from tests.helpers.rig import inlet
from tests.helpers.waiting import LONGEST_S


def test_positions_become_velocities_beside_the_button(source_id: str) -> None:
    """A circle of 5 cm, once per 100 readings, as the source itself reads it; one half clicks."""
    n_read, stop = 0, Event()

    def position_cm() -> tuple[float, float]:
        nonlocal n_read
        n_read += 1
        angle = 2 * np.pi * n_read / 100
        return 5 * float(np.cos(angle)), 5 * float(np.sin(angle))

    source = HandSource(Hand(position_cm, lambda: n_read > 50), source_id)
    with opened(source):
        kinematics = inlet(source_id, Kind.KINEMATICS)
        assert kinematics.info().get_channel_labels() == ["vx", "vy", "click"]
        running = Thread(target=source.run, args=(stop,))
        running.start()
        samples, stamps_s = kinematics.pull_chunk(LONGEST_S, 100)
        stop.set()
        running.join()
    assert len(stamps_s) == 100
    steps_s = np.diff(stamps_s)
    assert (steps_s > 0).all()
    # The way between two readings is a chord of the circle, however late they come.
    values = np.array(samples)
    way_cm = np.hypot(*values[1:, :2].T) * steps_s
    np.testing.assert_allclose(way_cm, 10 * np.sin(np.pi / 100), rtol=1e-3)
    # The first position has no velocity yet.
    np.testing.assert_array_equal(values[:, 2], np.arange(2, 102) > 50)


@pytest.mark.skipif(not shutil.which("Xvfb"), reason="needs Debian's packages xvfb and libxtst6")
def test_the_left_button_is_read_over_any_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """A display of its own, on which another program presses the buttons."""
    shown, tells = os.pipe()
    command = ["Xvfb", "-displayfd", str(tells), "-screen", "0", "64x64x24", "-nolisten", "tcp"]
    screen = subprocess.Popen(command, pass_fds=[tells], stderr=subprocess.DEVNULL)
    try:
        os.close(tells)
        with os.fdopen(shown) as number:
            monkeypatch.setenv("DISPLAY", f":{number.readline().strip()}")
        is_pressed = left_button("xcb")
        assert is_pressed
        x11, xtst = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXtst.so.6")
        x11.XOpenDisplay.restype = ctypes.c_void_p
        display = ctypes.c_void_p(x11.XOpenDisplay(None))
        for button, is_down, is_read in ((1, 1, True), (1, 0, False), (3, 1, False)):
            xtst.XTestFakeButtonEvent(display, button, is_down, 0)
            x11.XSync(display, 0)
            assert is_pressed() is is_read
        x11.XCloseDisplay(display)
    finally:
        screen.kill()
        screen.wait()


def test_where_no_button_can_be_read_there_is_none() -> None:
    assert left_button("offscreen") is None
