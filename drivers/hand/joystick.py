"""Read a joystick: how far it is pushed, in cm of hand position, and one of its buttons."""

import os

from drivers.hand.hand import Hand
from rt_ner.core.errors import ConfigError, StreamError

# Read it without a window, and while other programs have the focus.
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_JOYSTICK_ALLOW_BACKGROUND_EVENTS", "1")

import pygame


def stick_hand(number: int, axes: tuple[int, int], button: int, full_cm: float) -> Hand:
    """Return readers of a joystick; a full push of an axis is ``full_cm``.

    Joysticks, axes and buttons are counted from 1; button 0: none. Reading the position raises
    StreamError once the joystick is gone.
    """
    # No more of pygame than is needed: its sound complains on computers without sound.
    pygame.display.init()
    pygame.joystick.init()
    n_found = pygame.joystick.get_count()
    if not 1 <= number <= n_found:
        names = [pygame.joystick.Joystick(index).get_name() for index in range(n_found)]
        raise ConfigError(
            f"--number {number}: found {', '.join(names) or 'no joystick'}; plug one in, or give "
            "another number"
        )
    stick = pygame.joystick.Joystick(number - 1)
    own_id = stick.get_instance_id()
    n_axes = stick.get_numaxes()
    if not all(1 <= axis <= n_axes for axis in axes):
        raise ConfigError(
            f"--axes {axes[0]} {axes[1]}: {stick.get_name()} has axes 1 to {n_axes}, choose two"
        )

    if button > (n_buttons := stick.get_numbuttons()):
        raise ConfigError(
            f"--button {button}: {stick.get_name()} has {n_buttons} buttons, counted from 1; "
            "choose one, or 0 for none"
        )

    def read() -> tuple[float, float]:
        for event in pygame.event.get():
            if event.type == pygame.JOYDEVICEREMOVED and event.instance_id == own_id:
                raise StreamError(f"{stick.get_name()} is gone: plug it in and start again")
        x, y = (stick.get_axis(axis - 1) for axis in axes)
        # Pushed away from the body means up, and SDL counts that negative.
        return x * full_cm, -y * full_cm

    return Hand(read, (lambda: bool(stick.get_button(button - 1))) if button else None)
