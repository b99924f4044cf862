"""Read the mouse, over any window: its pointer, in cm on the screen, and its left button."""

import math

from PySide6.QtGui import QCursor, QGuiApplication

from drivers.hand.hand import Hand
from drivers.hand.mouse_button import left_button
from rt_ner.core.errors import ConfigError

_CM_PER_INCH = 2.54


def screen_pixels_per_cm() -> float:
    """Return the resolution that the screen reports; raise ConfigError if it reports none."""
    inch: float = _application().primaryScreen().physicalDotsPerInch()
    if not 0 < inch < math.inf:
        raise ConfigError(
            f"the screen reports {inch:g} pixels per inch: give --pixels-per-cm, e.g. 38"
        )
    return inch / _CM_PER_INCH


def mouse_hand(pixels_per_cm: float) -> Hand:
    """Return readers of the pointer and of the left button; raise ConfigError on Wayland."""
    app = _application()
    if app.platformName().startswith("wayland"):
        raise ConfigError(
            "Wayland hides the pointer outside of a program's own windows: log in with X11, or set "
            "QT_QPA_PLATFORM=xcb"
        )

    def read() -> tuple[float, float]:
        pointer = QCursor.pos()
        # A screen's y points down.
        return pointer.x() / pixels_per_cm, -pointer.y() / pixels_per_cm

    return Hand(read, left_button(app.platformName()))


def _application() -> QGuiApplication:
    app = QGuiApplication.instance() or QGuiApplication(["rt-ner"])
    assert isinstance(app, QGuiApplication)
    return app
