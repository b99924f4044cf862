"""The model store: bundles kept by content, names that stand for them, and the way back."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.storage import add_to_report, load_bundle, load_shown
from rt_ner.bundle.store.pointer import bundle_at
from rt_ner.bundle.store.store import ModelStore, note_run
from rt_ner.cli import build_app
from rt_ner.core.errors import BundleError, ConfigError


@pytest.fixture
def store(tmp_path: Path, small_bundle_folder: Path) -> ModelStore:
    found = ModelStore(tmp_path / "models")
    found.add(small_bundle_folder)
    return found


def test_the_same_bundle_is_kept_once(store: ModelStore, small_bundle_folder: Path) -> None:
    (digest,) = store.hashes()
    assert store.add(small_bundle_folder) == digest
    assert store.hashes() == [digest]
    assert [*store.problems()] == []


def test_a_promoted_name_stands_for_its_bundle(store: ModelStore, small_bundle: Bundle) -> None:
    (digest,) = store.hashes()
    assert store.promote("monkey1", digest[:6], "rig2", "") == digest
    current = store.path / "monkey1" / "current"
    assert bundle_at(current).name == digest
    assert load_bundle(current).encoder_onnx == small_bundle.encoder_onnx
    assert load_shown(current)[0] == small_bundle.manifest
    assert store.find("monkey1") == digest


def test_history_tells_promotions_and_runs(store: ModelStore, small_bundle_folder: Path) -> None:
    (digest,) = store.hashes()
    store.promote("monkey1", digest[:6], "rig2", "more trials")
    note_run(store.path / "monkey1" / "current")
    note_run(small_bundle_folder)
    first, second = store.history("monkey1")
    assert (first["event"], first["rig"], first["note"]) == ("promoted", "rig2", "more trials")
    assert (second["event"], second["bundle"]) == ("decoded", digest)
    assert [name for name, _ in store.events_of(digest)] == ["monkey1", "monkey1"]


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "bundles"])
def test_a_name_that_can_not_be_a_folder_is_refused(store: ModelStore, name: str) -> None:
    with pytest.raises(ConfigError, match="can't be a name|is reserved"):
        store.promote(name, store.hashes()[0][:6], "", "")


@pytest.mark.parametrize("model", ["zzz", "ffffffff", ""])
def test_an_unknown_model_is_refused(store: ModelStore, model: str) -> None:
    with pytest.raises(ConfigError, match="no bundle"):
        store.promote("monkey1", model, "", "")


def test_damage_is_found_and_a_damaged_bundle_is_not_promoted(store: ModelStore) -> None:
    (digest,) = store.hashes()
    path = store.folder(digest) / "encoder.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    (problem,) = store.problems()
    assert "encoder.onnx" in problem
    with pytest.raises(BundleError):
        store.promote("monkey1", digest[:6], "", "")


def test_bundles_in_a_store_are_not_changed_through_their_name(store: ModelStore) -> None:
    store.promote("monkey1", store.hashes()[0][:6], "", "")
    with pytest.raises(BundleError, match="not changed"):
        add_to_report(store.path / "monkey1" / "current", {"more.md": b"more"})


def test_a_folder_that_is_no_store_is_left_alone(tmp_path: Path, small_bundle_folder: Path) -> None:
    (tmp_path / "thesis.tex").write_text("do not touch")
    with pytest.raises(ConfigError, match="not a model store"):
        ModelStore(tmp_path).add(small_bundle_folder)


def test_the_commands_show_the_way_back_to_session_and_settings(
    store: ModelStore, small_bundle: Bundle
) -> None:
    digest = store.hashes()[0][:8]

    def output(*arguments: str) -> str:
        result = CliRunner().invoke(build_app(), ["models", *arguments], env={"COLUMNS": "200"})
        assert result.exit_code == 0, result.output
        return result.output

    output("promote", str(store.path), "monkey1", digest, "--rig", "rig2")
    assert "monkey1" in output("list", str(store.path))
    shown = output("show", str(store.path), "monkey1", "--json")
    assert small_bundle.manifest.training.session_sha256 in shown
    assert '"distillation_steps": 40' in shown
    assert "rig2" in output("show", str(store.path), digest)
    assert "encoder" not in output("diff", str(store.path), "monkey1", digest)
    assert "intact" in output("verify", str(store.path))
