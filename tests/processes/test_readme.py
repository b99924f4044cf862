"""The README's Python runs as it stands, with a brief training in place of a full one."""

from functools import partial
from pathlib import Path

import pytest

import offline_training
import rt_ner
from drivers.simulated.session import simulate_session
from tests.helpers.code_blocks import code_blocks
from tests.helpers.sessions import QUICK_TASK


def test_its_python_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = code_blocks("README.md", "From Python")
    assert len(block.splitlines()) <= 12
    monkeypatch.chdir(tmp_path)
    rt_ner.save_session(simulate_session(3, QUICK_TASK), "session.npz")
    brief = partial(offline_training.train, steps=30, batch=64, progress=False)
    monkeypatch.setattr(offline_training, "train", brief)
    monkeypatch.setattr("offline_training.figures.report._DPI", 20)
    monkeypatch.setattr("rt_ner.offline.held_out.proof.corruption_table", lambda *_: None)
    with pytest.warns(UserWarning, match="trials"):
        exec(compile(block, "README.md", "exec"), {})
    missing, *scores = capsys.readouterr().out.splitlines()
    assert missing == "[]"
    assert len(scores) == 2
    assert rt_ner.load_bundle("bundle").scores.r2 == float(scores[0].split()[0])
