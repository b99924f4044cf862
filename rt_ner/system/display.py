"""The display: whether a window can be opened here."""

import os
import sys
from importlib.util import find_spec

from rt_ner.core.errors import RtNerError


def has_display() -> bool:
    """Whether a window could be opened here."""
    named = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return sys.platform in ("win32", "darwin") or any(os.environ.get(name) for name in named)


def opens_view(asked: bool | None) -> bool:
    """Whether to open a window: as asked, else where it is possible.

    Raises RtNerError if one is asked for and can't be opened.
    """
    if asked is None:
        return has_display() and not _missing_packages()
    if asked:
        check_display()
    return asked


def check_display(command: str = "rt-ner view") -> None:
    """Raise RtNerError where ``command`` would find no screen, with the remedy."""
    if missing := _missing_packages():
        raise RtNerError(
            f"{', '.join(missing)} not installed, which {command} needs: pip install 'rt-ner[view]'"
        )
    if not has_display():
        raise RtNerError(
            f"there is no display here (DISPLAY and WAYLAND_DISPLAY are not set): run {command} "
            "on a computer with a screen; it need not be the decoder's"
        )


def _missing_packages() -> list[str]:
    return [name for name in ("PySide6", "pyqtgraph") if not find_spec(name)]
