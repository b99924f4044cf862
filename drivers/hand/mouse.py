"""Mouse: where the pointer is, in cm on the screen, whatever window it is over."""

import math

from PySide6.QtGui import QCursor, QGuiApplication

from drivers.hand.hand import Position
from rt_ner.core.errors import ConfigError

_CM_PER_INCH = 2.54


def screen_pixels_per_cm() -> float:
    """As this computer's screen tells its size; ConfigError where it does not."""
    inch: float = _application().primaryScreen().physicalDotsPerInch()
    if not 0 < inch < math.inf:
        raise ConfigError(f"the screen tells {inch:g} pixels an inch: say --pixels-per-cm")
    return inch / _CM_PER_INCH


def pointer_cm(pixels_per_cm: float) -> Position:
    """Looks at the pointer of this computer."""
    app = _application()
    if app.platformName().startswith("wayland"):
        raise ConfigError(
            "Wayland hides the pointer outside of a program's own windows: log in with X11, or set "
            "QT_QPA_PLATFORM=xcb"
        )

    def look() -> tuple[float, float]:
        pointer = QCursor.pos()
        # A screen's y points down.
        return pointer.x() / pixels_per_cm, -pointer.y() / pixels_per_cm

    return look


def _application() -> QGuiApplication:
    app = QGuiApplication.instance() or QGuiApplication(["rt-ner"])
    assert isinstance(app, QGuiApplication)
    return app
