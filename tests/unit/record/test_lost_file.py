"""A recorder notices that its file is not there any more, as when a drive is pulled."""

from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("pylsl")
from rt_ner.core.errors import StreamError
from rt_ner.record import recorder as module
from rt_ner.record.engines.engine import RecorderLostError, Summary


class Engine:
    """Writes nothing by itself; its file may vanish."""

    name = "the recorder"

    def __init__(self, path: Path) -> None:
        self._path = path

    def start(self, streams: object, /) -> None:
        self._path.write_text("begun")

    def check(self) -> None:
        pass

    def n_bytes(self) -> int:
        return 0

    def received(self) -> set[str]:
        return set()

    def finish(self) -> Summary:
        return Summary({"spikes": len(self._path.read_text())}, [])


class Looks:
    """Stops at the third look, before which the test does something."""

    def __init__(self, *before: object) -> None:
        self._before = list(before)

    def wait(self, _: float) -> bool:
        if self._before:
            self._before.pop(0)()  # type: ignore[operator]
            return False
        return True


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "StreamSearch", lambda: SimpleNamespace(seen=list))
    folder = tmp_path / "drive"
    folder.mkdir()
    return folder / "run-001.xdf"


def watched(path: Path, *before: object) -> Summary:
    engine = Engine(path)
    recorder = module.Recorder(path, engine, lambda _: None)
    engine.start([])
    try:
        recorder.watch(Looks(*before))  # type: ignore[arg-type]
    finally:
        summary = recorder.finish()
    return summary


def nothing() -> None:
    pass


def test_a_file_that_stays_is_recorded_to_the_end(path: Path) -> None:
    assert watched(path, nothing, nothing).samples == {"spikes": 5}


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_pulled_drive_ends_the_recording_with_a_sentence(path: Path, is_replaced: bool) -> None:
    def pull() -> None:
        path.parent.rename(path.parent.with_name("pulled"))
        if is_replaced:
            path.parent.mkdir()
            path.write_text("another's", encoding="utf-8")

    with pytest.raises(RecorderLostError, match="not there any more: its drive was pulled"):
        watched(path, nothing, pull)


def test_no_recording_begins_on_a_full_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: SimpleNamespace(free=0.3e9))
    recorder = module.Recorder(path, Engine(path), lambda _: None)
    with pytest.raises(StreamError, match=r"only 0\.3 GB are free on .*free space there"):
        recorder.start()
    assert not path.exists()
