"""Commands in places that lack something: a home, a letter, a stream, a disk, a library."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BUNDLE = Path(__file__).resolve().parents[2] / "helpers" / "bundle_0_1"
linux = pytest.mark.skipif(sys.platform != "linux", reason="made of what Linux has")


def rt_ner(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command's exit code, stdout and stderr."""
    return subprocess.run(
        [sys.executable, "-m", "rt_ner", *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        env=os.environ | environment,
        timeout=300,
        check=False,
    )


def in_shell(redirection: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """As `rt_ner`, with the streams redirected by a shell."""
    shell = ["bash", "-o", "pipefail", "-c", f'"$@" {redirection}', "bash"]
    return subprocess.run(
        [*shell, sys.executable, "-m", "rt_ner", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@linux
@pytest.mark.parametrize("arguments", [("--help",), ("decode", "--help")])
def test_a_home_that_is_not_there(arguments: tuple[str, ...]) -> None:
    result = rt_ner(*arguments, HOME="/proc/nothing", NUMBA_CACHE_DIR="/proc/nothing")
    assert (result.returncode, result.stderr) == (0, "")


@linux
def test_what_is_compiled_without_a_home_is_told_once(tmp_path: Path) -> None:
    unset = {"NUMBA_CACHE_DIR": "", "XDG_CACHE_HOME": ""}
    environment = {"HOME": "/proc/nothing", "TMPDIR": str(tmp_path)} | unset
    kept = tmp_path / f"rt-ner-{os.getuid()}"
    first, second = (rt_ner("inspect", str(BUNDLE), **environment) for _ in range(2))
    notice = f"rt-ner: /proc/nothing/.cache/rt-ner can't be written: compiled code is in {kept}\n"
    assert (first.returncode, first.stderr) == (0, notice)
    assert (second.returncode, second.stderr) == (0, "")


@linux
def test_matplotlib_has_a_folder_without_a_home(small_session_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "picture.png"
    arguments = ("inspect", str(small_session_file), "--picture", str(picture))
    result = rt_ner(*arguments, HOME="/proc/nothing", NUMBA_CACHE_DIR=str(tmp_path / "cache"))
    assert (result.returncode, result.stderr) == (0, "")
    assert picture.stat().st_size


@pytest.mark.parametrize("encoding", ["cp437", "ascii"])
def test_a_terminal_that_lacks_letters(encoding: str) -> None:
    for arguments in (("inspect", str(BUNDLE)), ("settings", "decode"), ("--help",)):
        result = rt_ner(*arguments, PYTHONIOENCODING=encoding)
        assert (result.returncode, result.stderr) == (0, "")
        assert arguments[0] != "inspect" or encoding != "ascii" or "R2" in result.stdout


@linux
@pytest.mark.parametrize("closed", ["2>&-", "<&- >&-"])
def test_streams_that_are_closed(closed: str) -> None:
    assert in_shell(closed, "inspect", str(BUNDLE)).returncode == 0
    result = in_shell(closed, "inspect", "absent")
    assert result.returncode == 2
    assert result.stderr.count("\n") == (0 if "2>&-" in closed else 1)


@linux
@pytest.mark.parametrize("arguments", [("settings", "decode"), ("inspect", str(BUNDLE), "--json")])
def test_nobody_reads_any_more(arguments: tuple[str, ...]) -> None:
    assert in_shell("| true", *arguments).stderr == ""
    assert in_shell("2> >(true)", *arguments).returncode == 0


@linux
def test_a_disk_that_is_full_behind_stdout() -> None:
    result = in_shell("> /dev/full", "inspect", str(BUNDLE))
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "disk is full" in result.stderr


@linux
@pytest.mark.parametrize("arguments", [("view",), ("decode", str(BUNDLE), "--view"), ("mouse",)])
def test_a_display_that_does_not_answer(arguments: tuple[str, ...]) -> None:
    pytest.importorskip("PySide6")
    result = rt_ner(*arguments, DISPLAY=":99", QT_QPA_PLATFORM="", WAYLAND_DISPLAY="")
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "no window opens on the display DISPLAY=:99" in result.stderr


@pytest.mark.parametrize(
    "broken",
    [
        "raise RuntimeError('LSL binary library file was not found.\\nSee the manual')",
        "import ctypes; ctypes.CDLL('/no/liblsl.so')",
        "raise ModuleNotFoundError('No module named pylsl', name='pylsl')",
    ],
)
def test_without_liblsl(broken: str, tmp_path: Path) -> None:
    (tmp_path / "pylsl.py").write_text(broken)
    check_remedy(rt_ner("task", PYTHONPATH=str(tmp_path)))


def check_remedy(result: "subprocess.CompletedProcess[str]") -> None:
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1, result.stderr
    assert "pip install" in result.stderr
    assert "PYLSL_LIB" in result.stderr


def test_what_needs_liblsl_says_so_and_the_rest_works(tmp_path: Path) -> None:
    (tmp_path / "pylsl.py").write_text("import ctypes; ctypes.CDLL('/no/liblsl.so')")
    path = {"PYTHONPATH": str(tmp_path)}
    for arguments in (("decode", str(BUNDLE)), ("noise",)):
        check_remedy(rt_ner(*arguments, **path))
    result = rt_ner("inspect", str(BUNDLE), "--json", **path)
    assert json.loads(result.stdout)["channel_ids"]
    assert rt_ner("--help", **path).returncode == 0
