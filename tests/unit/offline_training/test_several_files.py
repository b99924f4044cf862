"""Several files as one session, from the command line: trained, scored, each file's part known."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from drivers.simulated.session import ArraySettings, TaskSettings, simulate_session
from rt_ner.cli import build_app
from rt_ner.core.errors import SessionError
from rt_ner.data.loading import save_session

BRIEF = """
steps = 20
batch = 32
hidden_units = [32, 32]
[ensemble]
members = 1
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("day1")
    for seed, n_trials in enumerate((10, 6, 4)):
        session = simulate_session(
            seed, TaskSettings(n_trials=n_trials), ArraySettings(n_electrodes=24)
        )
        save_session(session, folder / f"block{seed}.npz")
    (folder / "brief.toml").write_text(BRIEF)
    settings = ["--config", str(folder / "brief.toml"), "--device", "cpu"]
    run("train", *blocks(folder), "--out", str(folder / "bundle"), *settings)
    return folder


def blocks(folder: Path) -> list[str]:
    return [str(folder / f"block{seed}.npz") for seed in range(3)]


def run(*arguments: str) -> str:
    result = CliRunner().invoke(build_app(), list(arguments))
    if result.exception:
        raise result.exception
    return result.stdout


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_all_but_the_last_trials_of_all_train(folder: Path) -> None:
    training = json.loads((folder / "bundle" / "manifest.json").read_text())["training"]
    assert (training["n_train_trials"], training["n_test_trials"]) == (16, 4)
    assert [part["n_trials"] for part in training["parts"]] == [10, 6, 4]
    together = json.loads(run("evaluate", str(folder / "bundle"), *blocks(folder), "--json"))
    assert together["trials"] == "held out of training"
    assert together["n_trials"] == 4
    scores = json.loads((folder / "bundle" / "manifest.json").read_text())["scores"]
    assert together["velocity_r2"] == pytest.approx(scores["velocity_r2"])


def test_a_single_file_is_scored_on_what_was_held_out_of_it(folder: Path) -> None:
    def score(k: int) -> str:
        return run("evaluate", str(folder / "bundle"), blocks(folder)[k], "--json")

    last = json.loads(score(2))
    assert (last["trials"], last["n_trials"]) == ("held out of training", 4)
    for trained in (0, 1):
        with pytest.raises(SessionError, match="was trained on all trials of"):
            score(trained)


def test_they_become_one_file(folder: Path) -> None:
    joined = str(folder / "day1.npz")
    run("convert", *blocks(folder), joined)
    score = json.loads(run("evaluate", str(folder / "bundle"), joined, "--json"))
    assert (score["trials"], score["n_trials"]) == ("held out of training", 4)
