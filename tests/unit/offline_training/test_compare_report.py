"""A comparison leaves behind JSON, tables and figures; and the command that makes them."""

import io
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from drivers.simulated.session import ArraySettings, TaskSettings, simulate_session
from offline_training.compare.report import output
from offline_training.compare.report.output import check_bundle, check_out, save, scores_json
from offline_training.compare.report.pinwheel import display_latents, draw_latents
from offline_training.compare.report.tables import (
    VELOCITY,
    across_matrix,
    score_table,
    summary_table,
)
from offline_training.compare.run import Results, run
from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.storage import load_bundle
from rt_ner.cli import build_app
from rt_ner.core.errors import ConfigError, SessionError
from rt_ner.data.loading import load_session, save_session
from rt_ner.data.session.session import Session
from tests.helpers.reaches import DIRECT, LATENTS, Listener, fake, latents, plan, reaches

FILES = {"compare.json", "compare.md", "r2.png", "direction.png", "latents.png", "across.png"}


@pytest.fixture(scope="module")
def results() -> Results:
    recordings = (reaches("Chewie_20150629"), reaches("other"))
    return run(plan(recordings, LATENTS, DIRECT, n_seeds=2), Listener())


@pytest.fixture(scope="module")
def saved(results: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the results, which no test changes."""
    out = tmp_path_factory.mktemp("saved") / "new" / "comparison"
    save(results, out)
    return out


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_everything_is_written(results: Results, saved: Path) -> None:
    assert names_in(saved) == FILES
    numbers = json.loads((saved / "compare.json").read_text())
    assert {key: numbers[key] for key in ("rows", "across")} == scores_json(results)
    assert len(numbers["direction_over_time"]) == 2 * 2 * 2
    for name in FILES - {"compare.json", "compare.md"}:
        picture = matplotlib.image.imread(io.BytesIO((saved / name).read_bytes()))
        assert picture[..., :3].std() > 0.01, f"{name} is empty"


def test_the_page_holds_every_recording_the_paper_and_the_figures(saved: Path) -> None:
    page = (saved / "compare.md").read_text()
    assert "| paper: ner-paper | linear | 0.548 | – | – |" in page
    assert "| latents | linear |" in page
    for name in FILES - {"compare.json", "compare.md"}:
        assert f"]({name})" in page
    for line in page.splitlines():
        if line.startswith("| method"):
            n_columns = line.count("|")
        elif line.startswith(("| latents", "| direct")):
            assert line.count("|") == n_columns


def test_one_recording_has_no_matrix_and_direct_decoders_no_latents(tmp_path: Path) -> None:
    alone = run(plan((reaches(),), DIRECT, with_control=False), Listener())
    save(alone, tmp_path / "out")
    assert names_in(tmp_path / "out") == {"compare.json", "compare.md", "r2.png", "direction.png"}
    assert "Control" not in (tmp_path / "out" / "compare.md").read_text()


def test_means_are_over_seeds_and_recordings(results: Results) -> None:
    table = score_table(results, VELOCITY)
    row = next(row for row in table.rows if row[:2] == ("latents", "linear"))
    values = [each.r2 for each in results.rows if each.way == ("latents", "linear")]
    assert float(row[-1]) == pytest.approx(np.mean(values), abs=6e-4)
    assert summary_table(results).rows[0][:3] == ("latents", "linear", row[-1])


def test_a_mean_that_lacks_a_recording_is_not_shown(results: Results) -> None:
    fewer = replace(results, rows=[row for row in results.rows if row.session != "other"][:1]
                    + [row for row in results.rows if row.method == "direct"])  # fmt: skip
    (latent, direct) = score_table(fewer, VELOCITY).rows
    assert latent[-1] == "–"
    assert direct[-1] != "–"


def test_the_matrix_has_within_on_its_diagonal(results: Results) -> None:
    matrix = across_matrix(results, "latents")
    within = [r.r2 for r in results.rows if r.way == ("latents", "linear") and not r.seed]
    np.testing.assert_array_equal(np.diag(matrix), within)
    assert np.isfinite(matrix).all()


@pytest.mark.parametrize("dims", [1, 2, 3, 16])
def test_latents_of_any_dimension_are_turned_to_the_readout(dims: int) -> None:
    mix = np.random.default_rng(dims).normal(size=(3, dims))
    method = fake("mixed", lambda dataset: latents(dataset) @ mix, dims=dims)
    results = run(plan((reaches(),), method, with_control=False), Listener())
    (embedding,) = results.embeddings
    shown = display_latents(embedding)
    assert shown.shape == (len(embedding.test), 3)
    assert np.linalg.norm(shown, axis=1).max() == pytest.approx(1.0, abs=0.2)
    if dims > 1:
        velocity = embedding.recording.split.test.labels.values
        correlation = np.corrcoef(shown[:, :2].T, velocity.T)[:2, 2:]
        assert (np.diag(correlation) > 0.6).all()
    assert draw_latents(results) is not None


def test_only_a_comparison_is_replaced(results: Results, saved: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    check_out(out)
    shutil.copytree(saved, out, dirs_exist_ok=True)
    save(results, out)
    (out / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="holds notes.txt, which is not part of a comparison"):
        save(results, out)
    assert (out / "notes.txt").read_text() == "mine"
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match="is a file"):
        check_out(tmp_path / "file")
    with pytest.raises(ConfigError, match="can't be written"):
        check_out(tmp_path / "file" / "inside")


def test_a_failure_leaves_what_was_there(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Results) -> bytes:
        raise OSError("disk full")

    monkeypatch.setitem(output._FIGURES, "across.png", fail)
    with pytest.raises(OSError, match="disk full"):
        save(results, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


# The command


@pytest.fixture(scope="module")
def session_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Few trials and electrodes, so that every method learns in no time."""
    path = tmp_path_factory.mktemp("session") / "simulated.npz"
    session = simulate_session(3, TaskSettings(n_trials=10), ArraySettings(n_electrodes=16))
    save_session(session, path)
    return path


def compare(*arguments: object) -> Result:
    return CliRunner().invoke(build_app(), ["compare", *map(str, arguments)])


def test_the_command_prints_json_and_writes_the_folder(session_file: Path, tmp_path: Path) -> None:
    chosen: Sequence[object] = ("--methods", "pca,kalman", "--seeds", "1")
    result = compare(session_file, *chosen, "--out", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.exception
    printed = json.loads(result.stdout)
    assert [(row["method"], row["readout"]) for row in printed["rows"]] == [
        ("pca", "linear"), ("pca", "knn"), ("kalman", "own")
    ]  # fmt: skip
    assert printed["rows"][-1]["r2"] > printed["rows"][-1]["shuffled_r2"]
    assert printed["across"] == []
    assert names_in(tmp_path / "out") == FILES - {"across.png"}


def test_the_command_prints_a_table(session_file: Path) -> None:
    result = compare(session_file, "--methods", "pca", "--seeds", "1", "--no-control")
    assert result.exit_code == 0, result.exception
    assert "simulated" in result.stdout
    assert "pca" in result.stdout


def test_what_can_not_be_done_is_found_out_first(session_file: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for arguments, error, message in (
        (("--methods", "nerr"), ConfigError, "did you mean 'ner'"),
        (("--area", "V4", "--methods", "pca"), SessionError, "no area 'V4'"),
        (("--out", tmp_path), ConfigError, "not part of a comparison"),
    ):
        result = compare(session_file, *arguments)
        assert isinstance(result.exception, error)
        assert message in str(result.exception)
        assert result.stdout == ""


def bundle_of(session: Session, bundle: Bundle) -> Bundle:
    """Return a bundle as if it were trained on a session."""
    manifest = bundle.manifest
    trained_on = {"session": session.name, "session_sha256": session.sha256}
    training = manifest.training.model_copy(update=trained_on)
    return replace(bundle, manifest=manifest.model_copy(update={"training": training}))


def test_a_bundle_of_the_session_takes_the_comparison_in(
    session_file: Path, small_bundle: Bundle, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle"
    bundle_of(load_session(session_file), small_bundle).save(bundle)
    before = names_in(bundle)
    chosen = ("--methods", "pca", "--seeds", "1", "--no-control")
    result = compare(session_file, *chosen, "--bundle", bundle)
    assert result.exit_code == 0, result.exception
    added = {"compare.json", "compare.md", "compare-r2.png", "compare-direction.png",
             "compare-latents.png"}  # fmt: skip
    assert names_in(bundle) - before == added
    assert "](compare-r2.png)" in (bundle / "compare.md").read_text()
    load_bundle(bundle)


def test_a_bundle_of_another_session_is_refused(small_bundle_folder: Path) -> None:
    with pytest.raises(ConfigError, match="which is not compared here"):
        check_bundle(small_bundle_folder, (reaches("other"),))
