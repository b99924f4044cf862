"""The notebooks run from top to bottom, one after the other, as plain Python."""

import runpy
from pathlib import Path

import matplotlib as mpl
import pytest

NOTEBOOKS = Path(__file__).resolve().parents[2] / "docs" / "notebooks"


@pytest.mark.usefixtures("without_report")
def test_the_notebooks_are_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with mpl.rc_context({"backend": "Agg"}):
        trained = runpy.run_path(str(NOTEBOOKS / "look_and_train.py"))
    scores = trained["bundle"].scores
    assert scores.r2 > 0.5
    assert scores.shuffled_r2 < 0.2
    assert (tmp_path / "look_and_train.png").stat().st_size > 10_000
    runpy.run_path(str(NOTEBOOKS / "decode_in_python.py"))
    said = capsys.readouterr().out
    assert "missing for training: []" in said
    assert "200 hops, 0 lost" in said
    assert "live equals offline: True" in said
