"""The tutorials: every block of commands works, as a user runs it, on a small session."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from tests.helpers.page_runs import run_page

SHORTER = {
    "simulate": ["--trials", "40"],
    "train": ["--config", "quick.toml"],
    "replay": ["--speed", "4"],
    # Other tests run these, and they take half a minute each.
    "compare": ["--help"],
    "demo": ["--help"],
}


def test_the_first_cursor_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_page("tutorials/first_cursor.md", SHORTER, tmp_path)
    assert Path("bundle/manifest.json").is_file()
    (log,) = tmp_path.glob("logs-*/decode.log")
    assert "RUNNING" in log.read_text(encoding="utf-8")


def test_an_own_recording_is_decoded(
    small_session_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a session in the place of the reader's, and a MATLAB file to draft a recipe from."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(small_session_file, "FILE")
    rng = np.random.default_rng(0)
    savemat("day1.mat", {"rates": rng.poisson(1.0, (90, 8)), "kin": rng.normal(size=(90, 2))})
    run_page("tutorials/own_recording.md", SHORTER, tmp_path)
    assert Path("lab.toml").is_file()
    (log,) = tmp_path.glob("logs-*/decode.log")
    assert "RUNNING" in log.read_text(encoding="utf-8")
