"""Find out if a window can be opened on this computer."""

import os
import sys
from importlib.util import find_spec

from rt_ner.core.errors import RtNerError


def has_display() -> bool:
    """Return True if there is a screen to open a window on."""
    named = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return sys.platform in ("win32", "darwin") or any(os.environ.get(name) for name in named)


def opens_view(asked: bool | None) -> bool:
    """Return True if a window is to be opened: as asked or, if ``asked`` is None, where possible.

    Raises RtNerError if one is asked for and can't be opened.
    """
    if asked is None:
        return has_display() and not _missing_packages()
    if asked:
        check_display()
    return asked


def check_display(command: str = "rt-ner view") -> None:
    """Raise RtNerError, with the remedy, if ``command`` can't open a window here."""
    if missing := _missing_packages():
        raise RtNerError(f"{command} needs {', '.join(missing)}: pip install 'rt-ner[view]'")
    if not has_display():
        raise RtNerError(
            f"there is no display here (DISPLAY and WAYLAND_DISPLAY are not set): run {command} "
            "on a computer with a screen, which may be another than the decoder's"
        )


def _missing_packages() -> list[str]:
    return [name for name in ("PySide6", "pyqtgraph") if not find_spec(name)]
