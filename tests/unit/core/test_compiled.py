"""Compiled kernels: kept where a folder can be written, and never older than what they are of."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from importlib import import_module, invalidate_caches, reload
from pathlib import Path
from types import ModuleType

import pytest

from rt_ner.core import compiled
from rt_ner.core.compiled import njit as compiling
from rt_ner.core.compiled.cache_folder import CacheFolder, find_cache_folder

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no users by number")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, in use."""
    use(CacheFolder(tmp_path / "cache", ""), monkeypatch)
    return tmp_path / "cache"


def use(place: CacheFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "cache_folder", lambda: place)
    compiling._tell_once.cache_clear()


@pytest.fixture
def imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., ModuleType]]:
    """Writes modules, given as texts, and imports the last of them as a new process would."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    names: set[str] = set()

    def write_and_import(**texts: str) -> ModuleType:
        for name, text in texts.items():
            (tmp_path / f"{name}.py").write_text(text)
        names.update(texts)
        for name in names:
            sys.modules.pop(name, None)
        invalidate_caches()
        compiling._module_hash.cache_clear()
        compiling._file_hash.cache_clear()
        return import_module(list(texts)[-1])

    yield write_and_import
    for name in names:
        sys.modules.pop(name, None)


NJIT = "from rt_ner.core.compiled.njit import njit\n"
INNER = NJIT + "@njit(cache=True)\ndef inner(x):\n    return x + {}\n"
OUTER = (
    NJIT + "from kernel_inner import inner\n@njit(cache=True)\ndef outer(x):\n    return inner(x)\n"
)
CONSTANT = (
    NJIT + "from kernel_constants import STEP\n@njit(cache=True)\ndef outer(x):\n"
    "    return x + STEP\n"
)
ROW = "from typing import NamedTuple\nclass Row(NamedTuple):\n    {}: int\n    {}: int\n"
FIELDS = (
    NJIT + "from kernel_row import Row\n@njit(cache=True)\ndef outer(row: Row):\n    return row.a\n"
)


def test_a_kernel_is_compiled_once(folder: Path, imported: Callable[..., ModuleType]) -> None:
    texts = {"kernel_inner": INNER.format(1), "kernel_outer": OUTER}
    for hits in (0, 1):
        module = imported(**texts)
        assert module.outer(1) == 2
        assert sum(module.outer.stats.cache_hits.values()) == hits
    assert list(folder.rglob("*.nbc"))


def test_a_change_of_another_file_compiles_anew(
    folder: Path, imported: Callable[..., ModuleType]
) -> None:
    for step in (1, 2):
        module = imported(kernel_inner=INNER.format(step), kernel_outer=OUTER)
        assert module.outer(1) == 1 + step


def test_a_change_of_a_constant_in_another_file_compiles_anew(
    folder: Path, imported: Callable[..., ModuleType]
) -> None:
    for step in (1, 2):
        module = imported(kernel_constants=f"STEP = {step}\n", kernel_outer=CONSTANT)
        assert module.outer(1) == 1 + step


def test_a_change_of_a_class_in_another_file_compiles_anew(
    folder: Path, imported: Callable[..., ModuleType]
) -> None:
    for fields, first in ((("a", "b"), 10), (("b", "a"), 20)):
        module = imported(kernel_row=ROW.format(*fields), kernel_outer=FIELDS)
        assert module.outer(module.Row(10, 20)) == first


def test_what_older_sources_were_compiled_to_is_removed(
    folder: Path, imported: Callable[..., ModuleType]
) -> None:
    for step in range(6):
        imported(kernel_inner=INNER.format(step)).inner(1)
    assert len(list((folder / "kernels" / "kernel_inner.inner").iterdir())) == 3


def test_damaged_files_are_compiled_anew(folder: Path, imported: Callable[..., ModuleType]) -> None:
    for _ in range(2):
        assert imported(kernel_inner=INNER.format(1)).inner(1) == 2
        for file in folder.rglob("*.nb?"):
            file.write_bytes(b"")


def test_without_a_folder_everything_is_compiled_and_it_is_said_once(
    imported: Callable[..., ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    use(CacheFolder(None, "/home/rig can't be written"), monkeypatch)
    with caplog.at_level(logging.WARNING):
        module = imported(kernel_inner=INNER.format(1), kernel_outer=OUTER)
        assert caplog.messages == [], "nothing has been compiled yet"
        assert module.outer(1) == 2
        assert module.inner(1.5) == 2.5
    assert caplog.messages == ["rt-ner: /home/rig can't be written"]


def test_a_disk_that_fills_up_loses_the_cache_and_nothing_else(
    folder: Path,
    imported: Callable[..., ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile.save", full)
    with caplog.at_level(logging.WARNING):
        module = imported(kernel_inner=INNER.format(1), kernel_outer=OUTER)
        assert module.outer(1) == 2
    (message,) = caplog.messages
    assert str(folder) in message
    assert "No space left" in message


def test_the_users_own_folder_comes_first(tmp_path: Path) -> None:
    chosen = {"NUMBA_CACHE_DIR": str(tmp_path / "chosen"), "HOME": str(tmp_path)}
    assert find_cache_folder(chosen) == (tmp_path / "chosen", "")


@posix
def test_a_home_that_is_not_there_is_replaced_by_a_private_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    path, notice = find_cache_folder({"HOME": str(tmp_path / "file" / "home")})
    assert path == tmp_path / f"rt-ner-{os.getuid()}"
    assert path.stat().st_mode & 0o077 == 0
    assert "file/home" in notice
    assert str(path) in notice


@posix
def test_a_folder_that_others_can_write_to_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    open_to_all = tmp_path / f"rt-ner-{os.getuid()}"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    path, notice = find_cache_folder({"HOME": str(tmp_path / "file" / "home")})
    assert path is None
    assert "NUMBA_CACHE_DIR" in notice


@posix
def test_a_user_whom_the_system_does_not_know_gets_a_private_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pwd

    def unknown(_: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr("rt_ner.core.compiled.cache_folder._is_usable", lambda path: path.exists())
    tmp_path.joinpath(f"rt-ner-{os.getuid()}").mkdir()
    assert find_cache_folder({}).path == tmp_path / f"rt-ner-{os.getuid()}"


@pytest.mark.parametrize(
    ("openmp", "expected"), [("3", "3"), ("4,2", "4"), ("", None), ("0", None), ("many", None)]
)
def test_kernels_keep_to_openmps_number_of_threads(
    openmp: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")  # so that it is put back
    monkeypatch.delenv("NUMBA_NUM_THREADS")
    monkeypatch.setenv("OMP_NUM_THREADS", openmp)
    reload(compiled)
    assert os.environ.get("NUMBA_NUM_THREADS") == expected


def test_a_number_of_threads_for_kernels_alone_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    reload(compiled)
    assert os.environ["NUMBA_NUM_THREADS"] == "2"
