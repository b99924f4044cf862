"""One seed gives one bundle, by command and from Python."""

import hashlib
from pathlib import Path

import pytest

from offline_training.training import train
from rt_ner.data.session.session import Session
from tests.helpers.sessions import quick_settings


def test_one_seed_gives_one_bundle_byte_for_byte_from_python_too(
    small_session: Session,
    small_bundle_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bundle = train(small_session, settings=quick_settings(seed=5), seed=0, device="cpu")
    bundle.save(tmp_path / "again")

    def digests(folder: Path) -> dict[str, str]:
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()
        }

    assert digests(tmp_path / "again") == digests(small_bundle_folder)
    shown = capsys.readouterr().err
    assert "training: done" in shown
    assert "warning: 12 training trials are few" in shown
