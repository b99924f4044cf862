"""Take pictures of a window: one, or several in a row that make a moving picture."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from rt_ner.core.errors import ConfigError

MOVING = (".gif", ".webp")
# Length and pace of a moving picture, and its width: enough to read it, and it loads quickly.
MOVES_S = 6.0
_FRAME_MS = 80
_WIDTH = 960


def check_picture(file: Path) -> None:
    """Raise ConfigError if a picture can't be saved under this name."""
    if not (_is_moving(file) or file.suffix.lower() == ".png"):
        raise ConfigError(
            f"--screenshot {file}: expected a name that ends in .png, or in .gif or .webp for a "
            "moving picture"
        )
    if _is_moving(file):
        _pillow()


class Photographer(QObject):
    """Saves a picture of a window after a while, then calls ``done`` with what was wrong, or "".

    A moving picture shows the last `MOVES_S` of that while.
    """

    def __init__(
        self, window: QWidget, file: Path, after_s: float, done: Callable[[str], object]
    ) -> None:
        super().__init__(window)
        self._window, self._file, self._done = window, file, done
        self._frames: list[QImage] = []
        self._times_s: list[float] = []
        self._timer = QTimer()
        self._timer.timeout.connect(self._take)
        self._moves_s = min(MOVES_S, after_s) if _is_moving(file) else 0.0
        QTimer.singleShot(round((after_s - self._moves_s) * 1e3), self._begin)

    def _begin(self) -> None:
        self._timer.start(_FRAME_MS)
        self._take()

    def _take(self) -> None:
        self._times_s.append(time.perf_counter())
        self._frames.append(self._window.grab().toImage())
        if self._times_s[-1] - self._times_s[0] >= self._moves_s:
            self._timer.stop()
            self._done("" if self._saved() else str(self._file))

    def _saved(self) -> bool:
        if not _is_moving(self._file):
            return self._frames[0].save(str(self._file))
        image = _pillow()
        first, *others = [_converted(frame, image) for frame in self._frames]
        # A slow computer draws fewer frames, and each is shown for as long as it stood.
        shown_ms = [max(round(1e3 * each), 1) for each in np.diff(self._times_s)]
        try:
            first.save(
                self._file,
                save_all=True,
                append_images=others,
                duration=[*shown_ms, _FRAME_MS],
                loop=0,
            )
        except OSError:
            return False
        return True


def _is_moving(file: Path) -> bool:
    return file.suffix.lower() in MOVING


def _converted(frame: QImage, image: Any) -> Any:
    """Return a frame of Qt's as Pillow's."""
    smooth = Qt.TransformationMode.SmoothTransformation
    scaled = frame.scaledToWidth(min(_WIDTH, frame.width()), smooth)
    scaled = scaled.convertToFormat(QImage.Format.Format_RGB888)
    size, row = (scaled.width(), scaled.height()), scaled.bytesPerLine()
    return image.frombytes("RGB", size, bytes(scaled.constBits()), "raw", "RGB", row, 1)


def _pillow() -> Any:
    """Return Pillow's module of images; ConfigError if it is not installed."""
    try:
        from PIL import Image  # noqa: PLC0415 - only moving pictures need it
    except ImportError as error:
        raise ConfigError(
            "a moving picture needs Pillow: pip install pillow, or choose a name that ends in .png"
        ) from error
    return Image
