"""Positions and buttons of a hand, read from a mouse or a joystick."""

import os
from collections.abc import Iterator

import numpy as np
import pytest

from rt_ner.core.errors import ConfigError, StreamError


def test_the_pointer_in_cm() -> None:
    pytest.importorskip("PySide6")
    from PySide6.QtGui import QCursor

    from drivers.hand.mouse import mouse_hand, screen_pixels_per_cm
    from rt_ner.view.app import application

    # The view's tests in this process need an application that can do more.
    application()
    assert 10 < screen_pixels_per_cm() < 200
    hand = mouse_hand(25.0)
    look = hand.position_cm
    QCursor.setPos(100, 200)
    before = look()
    QCursor.setPos(150, 170)
    after = look()
    np.testing.assert_allclose(np.subtract(after, before), [2.0, 1.2])
    assert hand.is_pressed is None, "where no display is, nobody presses"


class FakeStick:
    """In the place of a joystick, which no test machine has."""

    axes = (0.0, 0.5, -1.0)
    buttons = (False, True)

    def __init__(self, _number: int) -> None: ...

    def get_name(self) -> str:
        return "fake stick"

    def get_numaxes(self) -> int:
        return len(self.axes)

    def get_axis(self, axis: int) -> float:
        return self.axes[axis]

    def get_numbuttons(self) -> int:
        return len(self.buttons)

    def get_button(self, button: int) -> bool:
        return self.buttons[button]

    def get_instance_id(self) -> int:
        return 7


@pytest.fixture
def pygame(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    module = pytest.importorskip("pygame")
    monkeypatch.setattr(module.joystick, "get_count", lambda: 1)
    monkeypatch.setattr(module.joystick, "Joystick", FakeStick)
    yield module
    module.quit()


def test_a_stick_is_where_it_is_pushed_to_and_clicks_with_its_button(pygame: object) -> None:
    from drivers.hand.joystick import stick_hand

    hand = stick_hand(1, (3, 2), 2, 10.0)
    assert hand.position_cm() == (-10.0, -5.0)
    assert hand.is_pressed
    assert hand.is_pressed()
    assert stick_hand(1, (3, 2), 0, 10.0).is_pressed is None
    with pytest.raises(ConfigError, match="found fake stick"):
        stick_hand(2, (1, 2), 1, 10.0)
    with pytest.raises(ConfigError, match="--axes 1 4: fake stick has axes 1 to 3"):
        stick_hand(1, (1, 4), 1, 10.0)
    with pytest.raises(ConfigError, match="--button 3: fake stick has 2 buttons"):
        stick_hand(1, (1, 2), 3, 10.0)


def test_a_stick_that_is_pulled_out_is_an_error(pygame: object) -> None:
    from drivers.hand.joystick import stick_hand

    look = stick_hand(1, (1, 2), 1, 10.0).position_cm
    gone = pygame.event.Event(pygame.JOYDEVICEREMOVED, instance_id=7)  # type: ignore[attr-defined]
    pygame.event.post(gone)  # type: ignore[attr-defined]
    with pytest.raises(StreamError, match="fake stick is gone"):
        look()


def test_no_joystick_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygame")
    from drivers.hand.joystick import stick_hand

    with pytest.raises(ConfigError, match="found no joystick; plug one in"):
        stick_hand(1, (1, 2), 1, 10.0)
    assert os.environ["SDL_VIDEODRIVER"] == "dummy"
