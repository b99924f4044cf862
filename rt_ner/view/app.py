"""Open the window and redraw it at every frame."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Protocol

import pyqtgraph as pg
from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from rt_ner.core.errors import RtNerError
from rt_ner.system.processes import tell_parent
from rt_ner.view import style
from rt_ner.view.control.actions import Commander
from rt_ner.view.control.recorders import Recorder
from rt_ner.view.shown_bundle import ShownBundle
from rt_ner.view.signals.signals import Signals
from rt_ner.view.windows.operator import OperatorWindow
from rt_ner.view.windows.photographer import Photographer
from rt_ner.view.windows.subject import SubjectScreen

_FRAME_MS = 16
# The decoder comes first if there are too few cores for both.
_NICENESS = 10


@dataclass(frozen=True)
class ViewPlan:
    """Window to show, and its place.

    ``screen`` is the subject's monitor, from 1, or 0 for any. The view ends after ``after_s`` if
    there is a file for a ``screenshot``.
    """

    decoder: str
    task: str
    bundle: ShownBundle | None
    map_file: Path | None
    control_as: str
    recorder: Recorder
    subject: bool
    full_screen: bool
    screen: int
    screenshot: Path | None
    after_s: float


@dataclass
class Frames:
    """Number of frames drawn, and the time that it took."""

    drawn: int = 0
    seconds: float = 0.0


class Window(Protocol):
    """A window that is drawn at every frame."""

    def refresh(self, frame_s: float) -> None:
        """Draw the newest data."""


def run_view(plan: ViewPlan, stop: Event) -> Frames:
    """Show until the window is closed, or ``stop`` is set."""
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    app = application()
    signals = Signals(plan.decoder, plan.task)
    window = _subject(plan, signals) if plan.subject else _operator(plan, signals)
    lookout = signals.lookout()
    frames = Frames()
    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(_drawing(signals, window, frames, stop))
    timer.start(_FRAME_MS)
    failed: list[str] = []
    if plan.screenshot:
        Photographer(window, plan.screenshot, plan.after_s, _quitting(failed))
    _show(window, plan)
    app.exec()
    timer.stop()
    lookout.close()
    plan.recorder.close()
    if failed:
        raise RtNerError(
            f"--screenshot {failed[0]} can't be written: expected a file in a folder that exists"
        )
    return frames


def application() -> QApplication:
    """Return the process's one Qt application, in our style."""
    app = QApplication.instance() or QApplication(["rt-ner"])
    assert isinstance(app, QApplication)
    app.setStyle("Fusion")
    app.setStyleSheet(style.SHEET)
    pg.setConfigOptions(antialias=True, background=style.PANEL, foreground=style.DIM)
    return app


def _operator(plan: ViewPlan, signals: Signals) -> OperatorWindow:
    # A screenshot does not depend on the layout that its user prefers.
    settings = None if plan.screenshot else QSettings("rt-ner", "view")
    return OperatorWindow(
        signals,
        Commander(plan.control_as),
        plan.recorder,
        plan.bundle,
        plan.map_file,
        settings,
    )


def _subject(plan: ViewPlan, signals: Signals) -> SubjectScreen:
    screen = SubjectScreen(signals)
    if plan.screen:
        screen.move_to(plan.screen)
    return screen


def _drawing(signals: Signals, window: Window, frames: Frames, stop: Event) -> Callable[[], None]:
    """Return the function that draws a frame; a late frame replaces those that were missed."""
    started_s = drawn_s = time.perf_counter()

    def draw() -> None:
        nonlocal drawn_s
        if stop.is_set():
            QApplication.quit()
            return
        now_s = time.perf_counter()
        signals.poll()
        window.refresh(now_s - drawn_s)
        drawn_s = now_s
        if not frames.drawn:
            tell_parent("shown")
        frames.drawn += 1
        frames.seconds = now_s - started_s

    return draw


def _quitting(failed: list[str]) -> Callable[[str], None]:
    """Return a function that ends the view, and notes the file that could not be written."""

    def end(unwritten: str) -> None:
        failed.extend([unwritten] if unwritten else [])
        QApplication.quit()

    return end


def _show(window: QWidget, plan: ViewPlan) -> None:
    if plan.full_screen:
        window.showFullScreen()
    else:
        window.show()
