"""Subject screen: cursor, trail, target and cue on black, and nothing else."""

from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QMainWindow

from rt_ner.core.errors import ConfigError
from rt_ner.view.signals import Signals
from rt_ner.view.windows.workspace import Workspace

_SIZE = 900, 900


class SubjectScreen(QMainWindow):
    """What the subject sees. F turns the full screen on and off, Q closes it."""

    def __init__(self, signals: Signals) -> None:
        super().__init__()
        self._signals = signals
        self.workspace = Workspace(for_subject=True)
        self.setCentralWidget(self.workspace)
        self.setWindowTitle("rt-ner · subject")
        self.resize(*_SIZE)

    def refresh(self, frame_s: float) -> None:
        """Draw what is known now; ``frame_s``: since the last frame."""
        self.workspace.refresh(self._signals, frame_s)

    def move_to(self, screen: int) -> None:
        """Go to a monitor, counted from 1; ConfigError if there is none of that number."""
        screens = QGuiApplication.screens()
        if not 1 <= screen <= len(screens):
            raise ConfigError(f"--screen {screen}: this computer shows {len(screens)} screen(s)")
        self.setGeometry(screens[screen - 1].geometry())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """F: full screen on and off; Q: close."""
        key = event.text().lower()
        if key == "f":
            self.setWindowState(self.windowState() ^ self.windowState().WindowFullScreen)
        elif key == "q":
            self.close()
        else:
            super().keyPressEvent(event)
