"""Pictures of a window, still and moving."""

from pathlib import Path

import pytest

pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
from PySide6.QtWidgets import QApplication, QLabel

from rt_ner.core.errors import ConfigError
from rt_ner.view.app import application
from rt_ner.view.windows.photographer import Photographer, check_picture


class Counter(QLabel):
    """A window that shows another number whenever it is drawn."""

    def __init__(self) -> None:
        super().__init__("0")
        self.resize(200, 100)
        self.n = 0

    def grab(self, *arguments: object) -> object:
        self.n += 1
        self.setText(f"{self.n} {'▮' * self.n}")
        return super().grab(*arguments)


def taken(file: Path) -> str:
    app, said = application(), list[str]()
    window = Counter()

    def end(unwritten: str) -> None:
        said.append(unwritten)
        QApplication.quit()

    Photographer(window, file, 0.3, end)
    app.exec()
    return said[0]


def test_a_moving_picture_has_several_frames_that_differ(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    file = tmp_path / "live.webp"
    assert taken(file) == ""
    with image.open(file) as picture:
        assert picture.n_frames >= 3
        frames = set()
        for number in range(picture.n_frames):
            picture.seek(number)
            frames.add(picture.convert("RGB").tobytes())
    assert len(frames) >= 3


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    for name in ("live.webp", "live.png"):
        file = tmp_path / "absent" / name
        assert taken(file) == str(file)


def test_an_ending_that_is_no_pictures_is_refused() -> None:
    check_picture(Path("a.PNG"))
    with pytest.raises(ConfigError, match=r"a\.avi: expected a name that ends in \.png"):
        check_picture(Path("a.avi"))
