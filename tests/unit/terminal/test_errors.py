"""Errors of the command line: one line that names the value and the remedy, before any work."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from rt_ner import cli
from rt_ner.bundle.bundle import Bundle
from rt_ner.core.errors import RtNerError

pytest.importorskip("torch")


def run(*arguments: object) -> str:
    result = CliRunner().invoke(cli.build_app(), [str(argument) for argument in arguments])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def expect_error(arguments: list[object], *words: str) -> None:
    with pytest.raises((RtNerError, OSError)) as caught:
        run(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def reach_file_with(folder: Path, n_trials: int, velocity: float) -> Path:
    path = folder / "reach.npz"
    np.savez(
        path,
        counts_M1=np.ones((n_trials, 48, 5), np.uint8),
        bin_s=0.03,
        pad_bins=4,
        velocity=np.full((n_trials, 40, 2), velocity, np.float32),
        direction_deg=np.zeros(n_trials, np.int16),
    )
    return path


def test_an_error_is_one_line_on_stderr_and_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.argv", ["rt-ner", "inspect", str(tmp_path / "absent.npz")])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    assert exit_.value.code == 2
    captured = capsys.readouterr()
    assert not captured.out
    assert captured.err.startswith("rt-ner: ")
    assert captured.err.count("\n") == 1


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> typer.Typer:
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "build_app", broken)
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_version() -> None:
    assert re.fullmatch(r"rt-ner \d+\.\d+\.\d+\n", run("--version"))


def test_a_session_that_is_not_there(tmp_path: Path) -> None:
    absent, out = tmp_path / "absent.npz", tmp_path / "out"
    expect_error(["train", absent, "--out", out], "absent.npz", "no such session")
    expect_error(["demo", "--session", absent, "--out", out], "no such session")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_session(tmp_path: Path) -> None:
    text = tmp_path / "notes.npz"
    text.write_text("hello")
    expect_error(["train", text, "--out", tmp_path / "b"], "notes.npz", "it holds text")
    assert not (tmp_path / "b").exists()


def test_an_area_that_is_not_there(small_session_file: Path, tmp_path: Path) -> None:
    arguments = ["train", small_session_file, "--area", "V4", "--out", tmp_path / "b"]
    expect_error(arguments, "no area 'V4'", "M1")
    assert list(tmp_path.iterdir()) == []


def test_too_few_trials(tmp_path: Path) -> None:
    path = reach_file_with(tmp_path, 1, 0.0)
    expect_error(["train", path, "--out", tmp_path / "b"], "1 trial(s)", "at least 2")
    assert not (tmp_path / "b").exists()


def test_kinematics_that_are_not_numbers(tmp_path: Path) -> None:
    path = reach_file_with(tmp_path, 10, np.nan)
    expect_error(["train", path, "--out", tmp_path / "b"], "NaN", "interpolate")
    assert not (tmp_path / "b").exists()


def test_a_place_that_can_not_be_written_is_found_out_before_training(
    small_session_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    out = tmp_path / "file" / "inside"
    expect_error(["train", small_session_file, "--out", out], "can't be written", "file")
    expect_error(["demo", "--session", small_session_file, "--out", out], "can't be written")


def test_an_unknown_key_in_a_config(small_session_file: Path, tmp_path: Path) -> None:
    config = tmp_path / "my.toml"
    config.write_text("stpes = 10\n")
    arguments = ["train", small_session_file, "--config", config, "--out", tmp_path / "b"]
    expect_error(arguments, "my.toml", "unknown key 'stpes'", "did you mean 'steps'")


def test_a_damaged_bundle(small_bundle_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(small_bundle_folder, folder)
    content = bytearray((folder / "encoder.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "encoder.onnx").write_bytes(content)
    expect_error(["inspect", folder], "encoder.onnx has changed since the export")


def test_simulate_overwrites_nothing(small_session_file: Path) -> None:
    expect_error(["simulate", small_session_file], "exists")


def test_a_block_that_was_heard_is_not_replaced_unasked(
    small_bundle_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "better.block.npz").touch()
    arguments = ["recalibrate", small_bundle_folder, "--out", tmp_path / "better"]
    expect_error(arguments, "better.block.npz exists", "--overwrite")


def test_earlier_blocks_are_read_before_anything_is_heard(
    small_bundle_folder: Path, tmp_path: Path
) -> None:
    arguments = ["recalibrate", small_bundle_folder, "--out", tmp_path / "better", "--earlier"]
    expect_error([*arguments, tmp_path / "none.npz"], "none.npz", "no such file")


def test_an_adapted_bundle_never_replaces_the_one_in_use(small_bundle_folder: Path) -> None:
    expect_error(["adapt", small_bundle_folder, "--out", small_bundle_folder], "--out", "in use")


def test_without_torch_the_readout_alone_can_be_adapted(
    small_bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> None:
        raise RtNerError(f"{name} needs more packages: pip install 'rt-ner[train]'")

    monkeypatch.setattr("rt_ner.live.learning.adapt_commands.plugin", absent)
    arguments = ["adapt", small_bundle_folder, "--out", tmp_path / "next"]
    expect_error(arguments, "pip install 'rt-ner[train]'", "--method rls")
    assert not list(tmp_path.iterdir())


def test_an_encoder_of_unit_vectors_is_not_trained_further(
    small_bundle: Bundle, tmp_path: Path
) -> None:
    replace(small_bundle, weights=None).save(tmp_path / "unit")
    arguments = ["adapt", tmp_path / "unit", "--out", tmp_path / "next"]
    expect_error(arguments, "unit vectors", "--method rls")


def test_inspect_and_evaluate_print_one_json_object(
    small_bundle_folder: Path, small_session_file: Path
) -> None:
    manifest = json.loads(run("inspect", small_bundle_folder, "--json"))
    assert len(manifest["channel_ids"]) == 96
    scores = json.loads(run("evaluate", small_bundle_folder, small_session_file, "--json"))
    assert scores["velocity_r2"] == pytest.approx(manifest["scores"]["velocity_r2"])
    assert scores["shuffled_velocity_r2"] < scores["velocity_r2"]
