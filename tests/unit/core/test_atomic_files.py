"""Files are written whole or not at all, and an error of the disk names the file."""

import errno
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from rt_ner.core.atomic_files import fresh_file, replace_file, replace_folder
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.archive import write as write_archive
from rt_ner.data.session.session import Session
from rt_ner.terminal.console.failures import failure_line

linux = pytest.mark.skipif(sys.platform == "win32", reason="made by a limit of Linux")


@contextmanager
def no_file_longer_than(n_bytes: int) -> Iterator[None]:
    """As on a disk that is nearly full."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def compressed(path: Path) -> None:
    with fresh_file(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, a=np.random.default_rng(0).random(100_000))


def whole_folder(path: Path) -> None:
    replace_folder(path.parent, {"small": b"small", path.name: bytes(10_000)})


@linux
@pytest.mark.parametrize(
    "write", [lambda path: replace_file(path, bytes(10_000)), compressed, whole_folder]
)
def test_a_disk_that_fills_up_leaves_what_was_there(
    write: Callable[[Path], None], tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    path = folder / "result.npz"
    path.write_text("older")
    with no_file_longer_than(5000), pytest.raises(OSError, match="result") as caught:
        write(path)
    assert caught.value.filename == str(path)
    assert path.read_text() == "older"
    assert list(tmp_path.rglob("*")) == [folder, path], "nothing half-written is left"
    write(path)
    assert path.stat().st_size > 5000


@linux
def test_a_session_is_written_whole_or_not_at_all(small_session: Session, tmp_path: Path) -> None:
    path = tmp_path / "session.npz"
    with no_file_longer_than(5000), pytest.raises(OSError, match=r"session\.npz"):
        write_archive(small_session, path)
    assert list(tmp_path.iterdir()) == []


def test_an_nwb_file_is_written_whole_or_not_at_all(
    small_session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pynwb = pytest.importorskip("pynwb")
    from rt_ner.data.formats.nwb.writer import write

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pynwb.NWBHDF5IO, "write", full)
    with pytest.raises(OSError, match=r"session\.nwb"):
        write(small_session, tmp_path / "session.nwb")
    assert list(tmp_path.iterdir()) == []


def test_other_errors_pass_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="no trials"), fresh_file(tmp_path / "a"):
        raise SessionError("no trials")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)])
def test_a_full_disk_is_one_line_with_the_remedy(number: int) -> None:
    line = failure_line(OSError(number, "No space left on device", "/data/day1.npz"))
    assert line
    assert "/data/day1.npz" in line
    assert "the disk is full: free space" in line
