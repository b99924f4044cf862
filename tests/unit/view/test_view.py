"""The view's panels and windows, drawn off screen, against what the streams say."""

import os
import resource
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
from PySide6.QtCore import QPointF, QSettings, Qt
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from rt_ner.core.contract.kinds import TIMING_LABELS, Kind
from rt_ner.live.states import State
from rt_ner.view import style
from rt_ner.view.app import application
from rt_ner.view.control.actions import Commander
from rt_ner.view.control.recorders import RemoteLabRecorder
from rt_ner.view.panels.electrodes.array import ArrayPanel
from rt_ner.view.panels.latency import LatencyPanel
from rt_ner.view.panels.latents import Cloud, LatentPanel
from rt_ner.view.panels.traces import Trace, all_traces, legend_of
from rt_ner.view.shown_bundle import load_shown_bundle
from rt_ner.view.signals.channels import Channels
from rt_ner.view.signals.signals import Signals
from rt_ner.view.windows.operator import OperatorWindow
from rt_ner.view.windows.subject import SubjectScreen
from rt_ner.view.windows.workspace import Workspace

HOP_S = 0.01
FRAME_S = 1 / 60


class Told(Signals):
    """Signals as if streams had told them: all there and fresh, but for those named."""

    def __init__(self) -> None:
        super().__init__("decoder", "task")
        self.stale: set[Kind] = set()
        self.absent: set[Kind] = {Kind.CURSOR, Kind.TARGET, Kind.TASK}
        self.now_s = 0.0

    def is_fresh(self, kind: Kind) -> bool:
        return kind not in self.stale | self.absent

    def missing(self, kind: Kind) -> str:
        return f"no {kind} here" if kind in self.absent else ""

    @property
    def has_task(self) -> bool:
        return Kind.CURSOR not in self.absent

    def tell(self, n_hops: int, rng: np.random.Generator) -> None:
        """Some hops of everything."""
        stamps_s = self.now_s + HOP_S * np.arange(1, n_hops + 1)
        self.now_s = float(stamps_s[-1])
        self.take_velocity(stamps_s, 5 * rng.normal(size=(n_hops, 2)))
        self.take_latents(stamps_s, rng.normal(size=(n_hops, 3)))
        self.true_velocity.extend(stamps_s, rng.normal(size=(n_hops, 2)))
        self.true.move(stamps_s, rng.normal(size=(n_hops, 2)))
        rows = np.zeros((n_hops, len(TIMING_LABELS)))
        stages = ("arrived", "bin_closed", "embedded", "decoded", "pushed")
        for k, stage in enumerate(stages):
            rows[:, TIMING_LABELS.index(stage)] = stamps_s + 1e-4 * k
        rows[:, TIMING_LABELS.index("gain")] = 1.0
        rows[:, TIMING_LABELS.index("state")] = list(State).index(State.RUNNING)
        self.take_timing(stamps_s, rows)
        if len(self.channels.labels) != 96:
            self.channels = Channels(tuple(f"elec{k:03}" for k in range(1, 97)))
        self.channels.take(stamps_s, rng.poisson(0.2, size=(n_hops, 96)).astype(float))

    def put_cursor(self, x: float, y: float) -> None:
        """The task's cursor, there and nowhere else."""
        self.absent.discard(Kind.CURSOR)
        self.task_trail.clear()
        self.task_trail.extend([self.now_s], [(x, y)])


@pytest.fixture(scope="module")
def app() -> QApplication:
    return application()


@pytest.fixture
def told(rng: np.random.Generator) -> Told:
    signals = Told()
    signals.tell(1000, rng)
    return signals


def picture(widget: QWidget, app: QApplication, size: tuple[int, int] = (640, 640)) -> np.ndarray:
    """The widget as drawn, ``(row, column, RGB)``."""
    widget.resize(*size)
    widget.show()
    app.processEvents()
    image = widget.grab().toImage().convertToFormat(image_format())
    # A copy: the memory is gone with the image.
    content = np.frombuffer(image.constBits(), dtype=np.uint8).copy()
    return content.reshape(image.height(), image.bytesPerLine() // 4, 4)[:, : image.width(), 2::-1]


def image_format():
    from PySide6.QtGui import QImage

    return QImage.Format.Format_RGB32


def places_of(colour: str, drawn: np.ndarray) -> np.ndarray:
    """Where the picture has a colour: ``(pixel, 2)``, column and row."""
    wanted = QColor(colour)
    rgb = (wanted.red(), wanted.green(), wanted.blue())
    return np.argwhere((np.abs(drawn.astype(int) - rgb) <= 3).all(axis=2))[:, ::-1]


def pixel_of(workspace: Workspace, x: float, y: float) -> np.ndarray:
    scene = workspace.getViewBox().mapViewToScene(QPointF(x, y))
    pixel = workspace.mapFromScene(scene)
    return np.array([pixel.x(), pixel.y()])


@pytest.mark.parametrize(
    ("for_subject", "place", "size"),
    [
        (True, (0.0, 0.0), (640, 640)),
        (True, (3.0, -4.0), (900, 400)),
        (False, (-8.5, 8.5), (640, 640)),
        (False, (3.0, -4.0), (900, 400)),
    ],
)
def test_the_cursor_is_drawn_where_the_stream_says(
    app: QApplication,
    told: Told,
    for_subject: bool,
    place: tuple[float, float],
    size: tuple[int, int],
) -> None:
    workspace = Workspace(for_subject)
    told.put_cursor(*place)
    picture(workspace, app, size)
    workspace.refresh(told, FRAME_S)
    disc = places_of(style.DECODED, picture(workspace, app, size))
    middle = (disc.min(axis=0) + disc.max(axis=0)) / 2
    np.testing.assert_allclose(middle, pixel_of(workspace, *place), atol=1.0)
    # A centimetre is as long in x as in y, and the disc a disc of half a centimetre's radius.
    across, down = pixel_of(workspace, 5, -5) - pixel_of(workspace, -5, 5)
    assert across == pytest.approx(down, abs=0.5)
    np.testing.assert_allclose(np.ptp(disc, axis=0), across / 10, atol=3)


def test_the_target_is_drawn_where_the_task_says(app: QApplication, told: Told) -> None:
    workspace = Workspace(for_subject=True)
    told.put_cursor(-5.0, 0.0)
    told.target = (4.0, 6.0, 1.5)
    picture(workspace, app)
    workspace.refresh(told, FRAME_S)
    disc = places_of(style.TARGET, picture(workspace, app))
    expected = pixel_of(workspace, 4.0, 6.0)
    np.testing.assert_allclose((disc.min(axis=0) + disc.max(axis=0)) / 2, expected, atol=1.0)
    told.target = None
    workspace.refresh(told, FRAME_S)
    assert not len(places_of(style.TARGET, picture(workspace, app)))


def test_the_subject_sees_nothing_that_is_the_operators(app: QApplication, told: Told) -> None:
    screen = SubjectScreen(told)
    told.true.move(np.array([told.now_s + HOP_S]), np.ones((1, 2)))
    screen.refresh(FRAME_S)
    drawn = picture(screen, app)
    assert len(places_of(style.DECODED, drawn))
    assert not len(places_of(style.TRUE, drawn))
    assert not screen.workspace.missing
    assert (drawn == 0).all(axis=2).mean() > 0.9, "black all around"


def test_old_data_are_greyed_and_missing_streams_named(app: QApplication, told: Told) -> None:
    workspace = Workspace(for_subject=False)
    picture(workspace, app)
    for stale, colour in (({}, style.DECODED), ({Kind.VELOCITY}, style.FAINT)):
        told.stale = set(stale)
        workspace.refresh(told, FRAME_S)
        drawn = picture(workspace, app)
        column, row = pixel_of(workspace, *told.decoded.position_cm).astype(int)
        assert len(places_of(colour, drawn[row : row + 1, column : column + 1])) == 1
    told.absent.add(Kind.VELOCITY)
    workspace.refresh(told, FRAME_S)
    assert workspace.missing == "no velocity here"
    told.absent.remove(Kind.VELOCITY)
    workspace.refresh(told, FRAME_S)
    assert workspace.missing == ""


def test_the_space_grows_with_the_cursor(app: QApplication, told: Told) -> None:
    workspace = Workspace(for_subject=True)
    told.put_cursor(27.0, 0.0)
    picture(workspace, app)
    workspace.refresh(told, FRAME_S)
    disc = places_of(style.DECODED, picture(workspace, app))
    np.testing.assert_allclose(disc.mean(axis=0), pixel_of(workspace, 27.0, 0.0), atol=1.0)
    assert pixel_of(workspace, 30.0, 0.0)[0] <= 640


def test_smoothing_is_of_the_display_alone(app: QApplication, told: Told) -> None:
    workspace = Workspace(for_subject=True)
    workspace.smooth()
    told.put_cursor(5.0, 0.0)
    picture(workspace, app)
    for _ in range(2):
        workspace.refresh(told, FRAME_S)
    shown = places_of(style.DECODED, picture(workspace, app)).mean(axis=0)
    assert pixel_of(workspace, 0.5, 0.0)[0] < shown[0] < pixel_of(workspace, 4.5, 0.0)[0]
    for _ in range(100):
        workspace.refresh(told, FRAME_S)
    shown = places_of(style.DECODED, picture(workspace, app)).mean(axis=0)
    np.testing.assert_allclose(shown, pixel_of(workspace, 5.0, 0.0), atol=1.0)


def test_traces_draw_what_was_decoded_and_what_was_true(app: QApplication, told: Told) -> None:
    vx: Trace = all_traces()[0]
    vx.refresh(told)
    at_s, drawn = vx._decoded.getData()
    stamps_s, velocity = told.velocity.newest(5.0)
    np.testing.assert_allclose(np.sort(at_s), stamps_s - told.now_s)
    np.testing.assert_allclose(drawn[::-1], velocity[:, 0])
    np.testing.assert_allclose(vx._true.getData()[1][::-1], told.true_velocity.newest(5.0)[1][:, 0])
    low, high = vx.getViewBox().viewRange()[1]
    assert low < drawn.min()
    assert drawn.max() < high


def test_a_hand_in_a_closed_loop_is_not_called_true(app: QApplication, told: Told) -> None:
    vx = all_traces()[0]
    vx.refresh(told)
    assert "true" in vx.plotItem.titleLabel.text
    told.put_cursor(0.0, 0.0)
    vx.refresh(told)
    assert "the subject's hand" in vx.plotItem.titleLabel.text
    assert "true" not in vx.plotItem.titleLabel.text
    told.absent.add(Kind.KINEMATICS)
    assert legend_of(told).endswith("decoded</span>")


def test_latents_of_the_cloud_have_their_directions_colours(app: QApplication, told: Told) -> None:
    angle = np.repeat(np.arange(8) * 45.0, 40)
    spread = np.random.default_rng(0).normal(size=(320, 1)) * 0.02
    circle = np.column_stack([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle)), 0 * angle])
    panel = LatentPanel(Cloud(circle + spread, angle))
    panel.refresh(told, FRAME_S)
    drawn = picture(panel, app).astype(int)
    assert [style.direction_index(a) for a in (0, 44, 350, -45)] == [0, 1, 0, 7]
    assert len(panel._cloud) == 8
    assert (np.abs(drawn - np.array([21, 26, 32])).sum(axis=2) > 60).sum() > 300


@pytest.mark.parametrize("dims", [1, 2, 8])
def test_latents_without_a_cloud_of_any_dimension(app: QApplication, dims: int) -> None:
    told = Told()
    told.take_latents(np.arange(100) / 100, np.random.default_rng(1).normal(size=(100, dims)))
    panel = LatentPanel(None)
    panel.refresh(told, FRAME_S)
    picture(panel, app)
    assert panel._tail.getData()[0].size == 100 or dims


def test_the_array_marks_silent_and_hot_electrodes(app: QApplication) -> None:
    told = Told()
    labels = tuple(f"elec{k:03}" for k in range(1, 97))
    told.channels = Channels(labels)
    counts = np.tile(np.arange(1, 1201)[:, None] % 10 == 0, (1, 96)).astype(float)
    counts[:, 3] = 0.0
    counts[:, 50] = 4.0
    told.channels.take(np.arange(1, 1201) / 100, counts)
    panel = ArrayPanel(None)
    panel.refresh(told)
    picture(panel, app)
    places = panel._places
    for item, channel in ((panel._dead, 3), (panel._hot, 50)):
        x, y = item.getData()
        assert (x[0], y[0]) == (places[channel, 1] + 0.5, places[channel, 0] + 0.5)
        assert len(x) == 1
    assert np.isnan(panel._image.image[0, 0])
    assert panel._image.image[tuple(places[50])] == pytest.approx(400.0)
    assert "1 silent" in panel.plotItem.titleLabel.text


def test_latency_is_stacked_under_the_budget(app: QApplication, told: Told) -> None:
    panel = LatencyPanel()
    panel.refresh(told)
    picture(panel, app)
    heights = [10 ** stage.getData()[1] for stage in panel._stages]
    for height, expected_us in zip(heights, (100, 200, 300, 400), strict=True):
        np.testing.assert_allclose(height, expected_us, rtol=1e-3)
    assert panel._budget.value() == pytest.approx(4.0)
    assert "p50 400" in panel.plotItem.titleLabel.text


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "view.ini"), QSettings.Format.IniFormat)


@pytest.mark.parametrize("for_subject", [True, False])
def test_the_cells_of_a_grid_are_drawn_and_the_target_fills_one(
    app: QApplication, told: Told, for_subject: bool
) -> None:
    workspace = Workspace(for_subject)
    told.put_cursor(-9.0, -9.0)
    told.grid, told.target = (4, 20.0), (2.5, 7.5, 2.5)
    workspace.refresh(told, FRAME_S)
    drawn = picture(workspace, app)
    cell = places_of(style.TARGET, drawn)
    corners = np.array([pixel_of(workspace, *corner) for corner in ((0.0, 10.0), (5.0, 5.0))])
    np.testing.assert_allclose([cell.min(axis=0), cell.max(axis=0)], corners, atol=3)
    column, row = pixel_of(workspace, -5.0, -2.0).astype(int)
    background = drawn[row, column - 8].astype(int)
    assert np.abs(drawn[row, column - 2 : column + 3].astype(int) - background).max() > 20
    told.grid = None
    workspace.refresh(told, FRAME_S)
    assert len(places_of(style.TARGET, picture(workspace, app))) < 0.9 * len(cell), "a disc again"


def test_spikes_and_tuning_are_shown_in_a_window_of_their_own(
    app: QApplication, told: Told, rng: np.random.Generator
) -> None:
    operator = window(told)
    assert not operator.electrodes.isVisible()
    press(operator, "t")
    assert operator.electrodes.isVisible()
    operator.refresh(1.0)
    assert "0 reaches so far" in operator.electrodes.tuning.missing
    assert operator.electrodes.raster.missing == ""
    for k in range(24):
        told.channels.tuning.begin(told.now_s, 45.0 * (k % 8))
        told.channels.tuning.end(told.now_s + 0.5)
        told.tell(60, rng)
    operator.refresh(1.0)
    assert operator.electrodes.tuning.missing == ""
    assert "no significant tuning" in operator.electrodes.tuning.tells(5)
    for panel in (operator.electrodes.raster, operator.electrodes.tuning):
        assert picture(panel, app).std() > 3.0
    operator.close()
    assert not operator.electrodes.isVisible()


def window(signals: Signals, settings: QSettings | None = None, name: str = "") -> OperatorWindow:
    recorder = RemoteLabRecorder("localhost:22345")
    return OperatorWindow(signals, Commander(name), recorder, None, None, settings)


def press(widget: QWidget, text: str) -> None:
    event = QKeyEvent(QKeyEvent.Type.KeyPress, 0, Qt.KeyboardModifier.NoModifier, text)
    QApplication.sendEvent(widget, event)


@pytest.mark.parametrize("size", [(900, 600), (2560, 1440)])
def test_every_panel_is_filled_at_every_size(
    app: QApplication, told: Told, size: tuple[int, int]
) -> None:
    operator = window(told)
    operator.resize(*size)
    operator.show()
    operator.refresh(FRAME_S)
    picture(operator, app, size)
    panels = [operator.workspace, operator.latents, operator.array, operator.latency]
    for panel in [*panels, *operator.traces]:
        drawn = picture_of_part(panel)
        assert drawn.std() > 3.0, f"{type(panel).__name__} is empty"
        assert panel.missing == ""
    assert operator.minimumSizeHint().width() <= 1280, "a small screen is enough"
    operator.close()


def picture_of_part(widget: QWidget) -> np.ndarray:
    image = widget.grab().toImage().convertToFormat(image_format())
    return np.frombuffer(image.constBits(), dtype=np.uint8).copy()


def test_the_header_says_who_decodes_and_what_went_wrong(app: QApplication, told: Told) -> None:
    operator = window(told)
    rows = told.timing.newest()[1][-1:].copy()
    rows[0, TIMING_LABELS.index("late")] = 17
    told.take_timing(np.array([told.now_s + HOP_S]), rows)
    operator.refresh(FRAME_S)
    assert "RUNNING" in operator.header.lamp.text()
    assert "late <b>17</b>" in operator.header.counts.text()
    told.stale.add(Kind.TIMING)
    operator.header.refresh(told)
    assert "last step" in operator.header.age.text()


def test_keys_and_buttons_do_what_the_list_says(app: QApplication, told: Told) -> None:
    operator = window(told)
    operator.refresh(FRAME_S)
    assert np.abs(told.decoded.position_cm).max() > 0
    press(operator, "c")
    assert told.decoded.position_cm.tolist() == [0.0, 0.0]
    press(operator, "s")
    assert operator.workspace.smoothing_s > 0
    press(operator, "?")
    (dialog,) = [child for child in operator.children() if isinstance(child, QWidget)
                 and child.windowTitle() == "Keys"]  # fmt: skip
    assert dialog.isVisible()
    dialog.close()
    press(operator, "b")
    assert not [child for child in operator.children() if isinstance(child, QWidget)
                and child.windowTitle() == "Bundle"], "started without one"  # fmt: skip
    # Nobody obeys: the decoder's keys do nothing, and say so.
    press(operator, "h")
    assert "this view can't command a decoder" in operator.message.text()
    assert not next(b for a, b in operator._buttons.items() if a.key == "h").isEnabled()
    operator.show()
    press(operator, "q")
    assert not operator.isVisible()


def test_the_bundle_s_worth_is_shown(
    app: QApplication, told: Told, small_bundle_folder: Path
) -> None:
    recorder = RemoteLabRecorder("localhost:22345")
    shown = load_shown_bundle(small_bundle_folder)
    operator = OperatorWindow(told, Commander(""), recorder, shown, None, None)
    press(operator, "b")
    (dialog,) = [child for child in operator.children() if isinstance(child, QWidget)
                 and child.windowTitle() == "Bundle"]  # fmt: skip
    (table,) = dialog.findChildren(QLabel)
    for said in ("held-out velocity R²", "R² with dead bank", "control, shuffled trials"):
        assert said in table.text()
    dialog.close()


def test_the_layout_is_remembered(app: QApplication, told: Told, settings: QSettings) -> None:
    first = window(told, settings)
    first.show()
    size = max(first.minimumSizeHint().width(), 700), 500
    first.resize(*size)
    first._splitters["whole"].setSizes([300, 800])
    app.processEvents()
    sizes = first._splitters["whole"].sizes()
    first.close()
    second = window(told, settings)
    second.show()
    app.processEvents()
    assert (second.width(), second.height()) == size
    assert second._splitters["whole"].sizes() == sizes
    second.close()


def test_minutes_leave_no_memory_behind(
    app: QApplication, told: Told, rng: np.random.Generator
) -> None:
    operator = window(told)
    operator.resize(800, 500)
    operator.show()
    resident_mb = []
    for second in range(90):
        told.tell(100, rng)
        operator.refresh(1.0)
        app.processEvents()
        if second in (30, 89):
            resident_mb.append(resident())
    operator.close()
    assert resident_mb[1] - resident_mb[0] < 4.0


def resident() -> float:
    """Resident memory in MB: now, on Linux; elsewhere the largest so far."""
    if sys.platform.startswith("linux"):
        pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
