"""The rig's report is on all recordings of the day, of its own decoder and task."""

from pathlib import Path

import pytest

pytest.importorskip("pylsl")
from rt_ner.rig import session
from rt_ner.rig.file.layout import Rig
from rt_ner.rig.file.settings import RigSettings


def test_the_day_s_report_is_on_all_its_recordings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[list[str], str, tuple[str, ...]]] = []

    def write(
        recordings: list[Path], out: Path, tell: object, *options: str, in_background: bool
    ) -> None:
        calls.append(([path.name for path in recordings], out.name, options))

    monkeypatch.setattr(session, "write_report", write)
    settings = RigSettings.model_validate(
        {"animal": "M", "day": "day1", "decoder": {"name": "dec"}, "task": {"name": "t"}}
    )
    rig = Rig(settings, tmp_path)
    session.report_day(rig, print)
    assert calls == [], "nothing was recorded"
    names = [
        rig.recording_name(task).next_path(rig.recordings) for task in ("brain", "calibration")
    ]
    for path in names:
        path.touch()
        path.with_suffix(".html").touch()
    session.report_day(rig, print)
    ((recordings, out, options),) = calls
    assert sorted(recordings) == sorted(path.name for path in names)
    assert out == "sub-M_ses-day1_report.html"
    assert options == ("--decoder", "dec", "--task", "t")
