"""The public Python API: its names, what importing it costs, and its examples."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import offline_training
import rt_ner
from rt_ner.bundle.bundle import Bundle
from rt_ner.data.session.session import Session

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted({*rt_ner._MODULES.values(), "offline_training.training"})


def test_the_names_are_these() -> None:
    assert sorted(rt_ner.__all__) == [
        "Bundle", "BundleError", "ClosedLoopBlock", "Command", "ConfigError", "DecodeSettings",
        "DecodedSession", "LiveDecoder", "RecordingFile", "RtNerError", "Session", "SessionError",
        "State", "StreamError", "VoltageSettings", "__version__", "decode", "load_block",
        "load_bundle", "load_recording", "load_session", "recalibrate", "save_session",
    ]  # fmt: skip
    assert sorted(offline_training.__all__) == ["NER", "TrainSettings", "train"]


@pytest.mark.parametrize("package", [rt_ner, offline_training])
def test_every_name_is_there(package: object) -> None:
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing


def test_typing_an_object_never_prints_megabytes(
    small_session: Session, small_bundle: Bundle
) -> None:
    decoded = rt_ner.decode(small_bundle, small_session)
    for shown in (small_session, small_bundle, decoded, small_bundle.model, small_bundle.golden):
        assert len(repr(shown)) < 200, type(shown)
    for part in (small_session.spikes, small_session.behaviour, small_session.trials):
        assert len(repr(part)) < 200


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_run(name: str, tmp_path: Path, monkeypatch: object) -> None:
    monkeypatch.chdir(tmp_path)
    failed, _ = doctest.testmod(import_module(name), optionflags=doctest.ELLIPSIS)
    assert failed == 0
