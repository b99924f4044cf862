"""Mouse: where the pointer is, in cm on the screen, whatever window it is over."""

from PySide6.QtGui import QCursor, QGuiApplication

from drivers.hand import Position
from rt_ner.errors import ConfigError

_CM_PER_INCH = 2.54


def pointer_cm() -> Position:
    """Looks at the pointer of this computer; the screen's own size makes pixels into cm."""
    app = QGuiApplication.instance() or QGuiApplication(["rt-ner"])
    assert isinstance(app, QGuiApplication)
    if app.platformName().startswith("wayland"):
        raise ConfigError(
            "Wayland hides the pointer outside of a program's own windows: log in with X11, or set "
            "QT_QPA_PLATFORM=xcb"
        )
    screen = app.primaryScreen()
    cm_per_pixel = _CM_PER_INCH / screen.physicalDotsPerInch()

    def look() -> tuple[float, float]:
        pointer = QCursor.pos()
        # A screen's y points down.
        return pointer.x() * cm_per_pixel, -pointer.y() * cm_per_pixel

    return look
