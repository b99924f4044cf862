"""The examples of the page on Python, one after the other."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from drivers.simulated.session import ArraySettings, TaskSettings, simulate_session
from rt_ner.data.loading import save_session

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python.md"
# Those that begin with "```py" need a decoder in use.
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SAID = re.compile(r"^print\(.*\)  # (.*)$", re.MULTILINE)


def agrees(said: str, shown: str) -> bool:
    """Return True if the page shows what was said; a score is only about the same."""
    if shown.startswith("about "):
        return abs(float(said) - float(shown.removeprefix("about "))) < 0.15
    return said == shown


def test_the_page_on_python_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its examples, one after the other, beside the session that its first command makes."""
    monkeypatch.chdir(tmp_path)
    save_session(simulate_session(0, TaskSettings(), ArraySettings()), Path("session.npz"))
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) > 10
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, PAGE.name, "exec"), names)
        said, shown = capsys.readouterr().out.splitlines(), SAID.findall(block)
        assert len(said) == len(shown), block
        assert [pair for pair in zip(said, shown, strict=True) if not agrees(*pair)] == []
    plt.close("all")
