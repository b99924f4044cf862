"""Find out if a window can be opened on this computer."""

import os
import subprocess
import sys
from functools import cache
from importlib.util import find_spec

from rt_ner.core.errors import RtNerError

_NAMED = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
# Platforms of Qt that need no screen.
_SCREENLESS = ("offscreen", "minimal")
# Qt ends the process if its screen does not answer, so that is tried in another one.
_TRIAL = "from PySide6.QtGui import QGuiApplication; QGuiApplication([])"
_ANSWER_S = 15.0


def has_display() -> bool:
    """Return True if there is a screen to open a window on."""
    return sys.platform in ("win32", "darwin") or any(os.environ.get(name) for name in _NAMED)


def opens_view(asked: bool | None) -> bool:
    """Return True if a window is to be opened: as asked or, if ``asked`` is None, where possible.

    Raises RtNerError if one is asked for and can't be opened.
    """
    if asked is None:
        return has_display() and not _missing_packages() and not display_problem()
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
    if problem := display_problem():
        named = ", ".join(f"{name}={os.environ[name]}" for name in _NAMED if os.environ.get(name))
        raise RtNerError(
            f"no window opens on the display {named} ({problem}): install what is missing, correct "
            f"the variable, or run {command} in a session with a screen, which may be another "
            "computer's"
        )


@cache
def display_problem() -> str:
    """Return why no window can be opened on the display that is named; empty if one can."""
    if os.environ.get("QT_QPA_PLATFORM", "").partition(":")[0] in _SCREENLESS:
        return ""
    try:
        trial = subprocess.run(  # noqa: S603 - our own program, by list
            [sys.executable, "-c", _TRIAL], capture_output=True, timeout=_ANSWER_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_ANSWER_S:g} s"
    said = trial.stderr.decode(errors="replace").strip().partition("\n")[0]
    return (said or f"Qt ended with code {trial.returncode}") if trial.returncode else ""


def _missing_packages() -> list[str]:
    return [name for name in ("PySide6", "pyqtgraph") if not find_spec(name)]
