"""Positions of a hand, read from a mouse or a joystick."""

import os
from collections.abc import Iterator

import numpy as np
import pytest

from rt_ner.core.errors import ConfigError, StreamError


def test_the_pointer_in_cm() -> None:
    pytest.importorskip("PySide6")
    from PySide6.QtGui import QCursor

    from drivers.hand.mouse import pointer_cm, screen_pixels_per_cm
    from rt_ner.view.app import application

    # The view's tests in this process need an application that can do more.
    application()
    assert 10 < screen_pixels_per_cm() < 200
    look = pointer_cm(25.0)
    QCursor.setPos(100, 200)
    before = look()
    QCursor.setPos(150, 170)
    after = look()
    np.testing.assert_allclose(np.subtract(after, before), [2.0, 1.2])


class FakeStick:
    """In the place of a joystick, which no test machine has."""

    axes = (0.0, 0.5, -1.0)

    def __init__(self, _number: int) -> None: ...

    def get_name(self) -> str:
        return "fake stick"

    def get_numaxes(self) -> int:
        return len(self.axes)

    def get_axis(self, axis: int) -> float:
        return self.axes[axis]

    def get_instance_id(self) -> int:
        return 7


@pytest.fixture
def pygame(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    module = pytest.importorskip("pygame")
    monkeypatch.setattr(module.joystick, "get_count", lambda: 1)
    monkeypatch.setattr(module.joystick, "Joystick", FakeStick)
    yield module
    module.quit()


def test_a_stick_is_where_it_is_pushed_to(pygame: object) -> None:
    from drivers.hand.joystick import stick_cm

    assert stick_cm(1, (3, 2), 10.0)() == (-10.0, -5.0)
    with pytest.raises(ConfigError, match="found fake stick"):
        stick_cm(2, (1, 2), 10.0)
    with pytest.raises(ConfigError, match="--axes 1 4: fake stick has axes 1 to 3"):
        stick_cm(1, (1, 4), 10.0)


def test_a_stick_that_is_pulled_out_is_an_error(pygame: object) -> None:
    from drivers.hand.joystick import stick_cm

    look = stick_cm(1, (1, 2), 10.0)
    gone = pygame.event.Event(pygame.JOYDEVICEREMOVED, instance_id=7)  # type: ignore[attr-defined]
    pygame.event.post(gone)  # type: ignore[attr-defined]
    with pytest.raises(StreamError, match="fake stick is gone"):
        look()


def test_no_joystick_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygame")
    from drivers.hand.joystick import stick_cm

    with pytest.raises(ConfigError, match="found no joystick; plug one in"):
        stick_cm(1, (1, 2), 10.0)
    assert os.environ["SDL_VIDEODRIVER"] == "dummy"
