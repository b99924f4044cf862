"""The examples of the page on Python, one after the other."""

import doctest
from pathlib import Path

from drivers.simulated.session import ArraySettings, TaskSettings, simulate_session
from rt_ner.data.loading import save_session

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_on_python_is_true(tmp_path: Path, monkeypatch: object) -> None:
    """Its examples, one after the other, beside the session that its first command makes."""
    monkeypatch.chdir(tmp_path)
    save_session(simulate_session(0, TaskSettings(), ArraySettings()), Path("session.npz"))
    page = str(ROOT / "docs" / "python.md")
    failed, attempted = doctest.testfile(page, module_relative=False)
    assert failed == 0
    assert attempted > 20
