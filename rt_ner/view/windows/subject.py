"""Show the subject cursor, trail, target and cue on black, and nothing else."""

from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QMainWindow

from rt_ner.core.errors import ConfigError
from rt_ner.view.signals.signals import Signals
from rt_ner.view.windows.workspace import Workspace

_SIZE = 900, 900


class SubjectScreen(QMainWindow):
    """The subject's screen. F turns the full screen on and off, Q closes it."""

    def __init__(self, signals: Signals) -> None:
        super().__init__()
        self._signals = signals
        self.workspace = Workspace(for_subject=True)
        self.setCentralWidget(self.workspace)
        self.setWindowTitle("rt-ner · subject")
        self.resize(*_SIZE)

    def refresh(self, frame_s: float) -> None:
        """Draw the newest data; the last frame was ``frame_s`` ago."""
        self.workspace.refresh(self._signals, frame_s)

    def move_to(self, screen: int) -> None:
        """Move to a monitor, counted from 1; raise ConfigError if there is no such monitor."""
        screens = QGuiApplication.screens()
        if not 1 <= screen <= len(screens):
            raise ConfigError(f"--screen {screen}: this computer has {_counted(len(screens))}")
        self.setGeometry(screens[screen - 1].geometry())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Turn the full screen on and off (F), or close (Q)."""
        key = event.text().lower()
        if key == "f":
            self.setWindowState(self.windowState() ^ self.windowState().WindowFullScreen)
        elif key == "q":
            self.close()
        else:
            super().keyPressEvent(event)


def _counted(n: int) -> str:
    return "1 monitor" if n == 1 else f"{n} monitors"
