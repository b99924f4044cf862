"""Show the operator all panels at a glance, and the controls."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from rt_ner.view.control.actions import Action, Commander
from rt_ner.view.control.recorders import Recorder
from rt_ner.view.panels.electrodes.array import ArrayPanel
from rt_ner.view.panels.electrodes.window import ElectrodesWindow
from rt_ner.view.panels.latency import LatencyPanel
from rt_ner.view.panels.latents import LatentPanel
from rt_ner.view.panels.traces import all_traces
from rt_ner.view.shown_bundle import ShownBundle
from rt_ner.view.signals.signals import Signals
from rt_ner.view.windows.header import Header
from rt_ner.view.windows.workspace import Workspace

_SIZE = 1600, 900
_WIDEST_TABLE = 900
# Text changes five times per second: often enough, and readable.
_TEXT_EVERY_S = 0.2


class OperatorWindow(QMainWindow):
    """Cursor, latents, array, latency, traces, header and controls.

    The layout is remembered in ``settings``, unless they are None.
    """

    def __init__(
        self,
        signals: Signals,
        commander: Commander,
        recorder: Recorder,
        bundle: ShownBundle | None,
        map_file: Path | None,
        settings: QSettings | None,
    ) -> None:
        super().__init__()
        self._signals = signals
        self._commander = commander
        self._recorder = recorder
        self._facts = bundle.facts if bundle else {}
        self._settings = settings
        self._text_due_s = 0.0
        self.header = Header()
        self.workspace = Workspace(for_subject=False)
        self.latents = LatentPanel(bundle.cloud if bundle else None)
        self.array = ArrayPanel(map_file)
        self.latency = LatencyPanel()
        self.traces = all_traces()
        self.electrodes = ElectrodesWindow(signals, map_file)
        self.message = QLabel()
        # A long message is cut and does not make the window wider.
        self.message.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._actions = [*commander.actions(), *self._own_actions()]
        self._buttons = {action: self._button(action) for action in self._actions}
        self._splitters = self._lay_out()
        self.setWindowTitle(f"rt-ner · {signals.decoder_name}")
        self._restore()

    def _own_actions(self) -> list[Action]:
        """Return the actions that need no decoder."""
        move = "move the decoded and the true cursor to the centre"
        smooth = "smooth the drawn cursor more; after the strongest smoothing, none"
        record = "start or stop a recording of all streams"
        electrodes = (
            "show spikes and tuning of each electrode in a window of their own, or close it"
        )
        facts = "show the bundle's scores, and its R² under faults; start the view with the bundle"
        leave = "close the view; the decoder keeps running"
        return [
            Action("c", "Centre", move, self._centre),
            Action("s", "Smooth", smooth, self.workspace.smooth),
            Action("l", "Record", record, self._recorder.toggle),
            Action("t", "Tuning", electrodes, self._toggle_electrodes),
            Action("b", "Bundle", facts, self._show_facts, lambda: bool(self._facts)),
            Action("?", "Keys", "show this list", self._show_keys),
            Action("q", "Close", leave, self.close_later),
        ]

    def refresh(self, frame_s: float) -> None:
        """Draw the newest data; the last frame was ``frame_s`` ago."""
        self.workspace.refresh(self._signals, frame_s)
        self.latents.refresh(self._signals, frame_s)
        for trace in self.traces:
            trace.refresh(self._signals)
        self.electrodes.refresh(frame_s)
        self._text_due_s -= frame_s
        if self._text_due_s <= 0:
            self._text_due_s = _TEXT_EVERY_S
            self.header.refresh(self._signals)
            self.array.refresh(self._signals)
            self.latency.refresh(self._signals)
            self._refresh_controls()

    def close_later(self) -> None:
        """Close the window."""
        self.close()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Do the action of the key."""
        for action in self._actions:
            if event.text().lower() == action.key and action.is_possible():
                action.act()
                return
        super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Remember the layout, and close the window of the electrodes too."""
        self.electrodes.close()
        if self._settings:
            self._settings.setValue("geometry", self.saveGeometry())
            for name, splitter in self._splitters.items():
                self._settings.setValue(name, splitter.saveState())
        super().closeEvent(event)

    def _lay_out(self) -> dict[str, QSplitter]:
        traces = QWidget()
        column = QVBoxLayout(traces)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for trace in self.traces:
            column.addWidget(trace, 5 if trace is self.traces[-1] else 4)
        left = _split(Qt.Orientation.Vertical, (self.workspace, 580), (self.latency, 230))
        above = _split(Qt.Orientation.Horizontal, (self.latents, 480), (self.array, 440))
        right = _split(Qt.Orientation.Vertical, (above, 430), (traces, 380))
        whole = _split(Qt.Orientation.Horizontal, (left, 650), (right, 950))
        body = QWidget()
        rows = QVBoxLayout(body)
        rows.setContentsMargins(6, 6, 6, 6)
        rows.addWidget(self.header)
        rows.addWidget(whole, 1)
        rows.addLayout(self._controls())
        self.setCentralWidget(body)
        return {"left": left, "above": above, "right": right, "whole": whole}

    def _controls(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2)
        for button in self._buttons.values():
            row.addWidget(button)
        row.addWidget(self.message, 1)
        return row

    def _button(self, action: Action) -> QPushButton:
        button = QPushButton(f"{action.name}  {action.key.upper()}")
        button.setToolTip(action.does)
        # The window takes all keys, whatever was clicked last.
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(lambda _checked: action.act())
        return button

    def _refresh_controls(self) -> None:
        for action, button in self._buttons.items():
            button.setEnabled(action.is_possible())
        notice = self._signals.notices[-1] if self._signals.notices else ""
        words = self._recorder.says or notice or self._not_heard()
        self.message.setText(" · ".join(filter(None, (self._recorder.state, words))))

    def _not_heard(self) -> str:
        if self._commander.is_heard():
            return ""
        if not self._commander.source_id:
            return "this view can't command a decoder: start the view with --control-as NAME"
        return f"no decoder obeys this view: start one with --commands {self._commander.source_id}"

    def _toggle_electrodes(self) -> None:
        self.electrodes.setVisible(not self.electrodes.isVisible())

    def _centre(self) -> None:
        self._signals.centre()
        self.workspace.reset_range()

    def _show_keys(self) -> None:
        rows = [(action.key.upper(), action.name, action.does) for action in self._actions]
        self._show_table("Keys", rows)

    def _show_facts(self) -> None:
        self._show_table("Bundle", list(self._facts.items()))

    def _show_table(self, title: str, rows: Sequence[Sequence[str]]) -> None:
        """Show rows of text, the first of each in bold, in a window of their own."""
        dialog = QDialog(self)
        dialog.setWindowTitle(title)
        text = "".join(
            f"<tr><td style='white-space: nowrap'><b>{escape(row[0])}</b> &nbsp;</td>"
            + "".join(f"<td>{escape(cell)} &nbsp;</td>" for cell in row[1:])
            + "</tr>"
            for row in rows
        )
        table = QLabel(f"<table>{text}</table>")
        width = min(table.sizeHint().width(), _WIDEST_TABLE)
        table.setWordWrap(True)
        table.setFixedSize(width, table.heightForWidth(width))
        QVBoxLayout(dialog).addWidget(table)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()

    def _restore(self) -> None:
        self.resize(*_SIZE)
        if not self._settings:
            return
        for name, splitter in self._splitters.items():
            if state := self._settings.value(name):
                splitter.restoreState(state)
        if geometry := self._settings.value("geometry"):
            self.restoreGeometry(geometry)


def _split(orientation: Qt.Orientation, *parts: tuple[QWidget, int]) -> QSplitter:
    splitter = QSplitter(orientation)
    for widget, _ in parts:
        splitter.addWidget(widget)
    splitter.setSizes([size for _, size in parts])
    splitter.setChildrenCollapsible(False)
    return splitter
