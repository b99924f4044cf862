"""Transfer: units matched without labels, a readout that stays, and the curve over trials."""

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
import torch
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from drivers.simulated.session import ArraySettings, TaskSettings, simulate_session
from offline_training.dataset.split import split_session
from offline_training.ner.networks.features import Features
from offline_training.settings import EnsembleSettings, TrainSettings, WindowSettings
from offline_training.transfer import curve as curve_module
from offline_training.transfer.alignment.pseudo_labels import (
    known_outputs,
    pseudo_labels,
    with_true_labels,
)
from offline_training.transfer.alignment.source_day import (
    LabelledDay,
    SourceDay,
    Stitched,
    learn_source_day,
    learn_target_day,
)
from offline_training.transfer.days import chosen_trials
from offline_training.transfer.matching.matching import (
    Matching,
    activity,
    match_by_name,
    match_units,
    ordered_pairs,
)
from offline_training.transfer.matching.tuning import tuning_similarity
from rt_ner.bundle.entries.reaching_entry import ReachingEntry
from rt_ner.bundle.storage import load_bundle
from rt_ner.cli import build_app
from rt_ner.core.arrays import FloatArray
from rt_ner.core.errors import ConfigError, SessionError
from rt_ner.data.loading import load_session, save_session
from rt_ner.data.session.session import Session
from rt_ner.offline.dataset import Dataset, build_dataset
from rt_ner.offline.decoding import decode
from rt_ner.offline.labels import Labels
from rt_ner.offline.scores import r2_score
from tests.helpers.reaches import DIRECT

CPU = torch.device("cpu")
REACHING = ReachingEntry(
    delay_s=0.15, approach_s=0.2, max_speed_cm_s=30.0, build_up_s=0.1, explained=0.9
)
TINY = TrainSettings(
    steps=20,
    batch=16,
    hidden_units=(16, 16),
    ensemble=EnsembleSettings(members=2, distillation_steps=20),
    window=WindowSettings(hop_ms=30, bin_ms=30, history_bins=5),
)
TINY_TOML = """
steps = 20
batch = 16
hidden_units = [16, 16]
ensemble = { members = 2, distillation_steps = 20 }
window = { hop_ms = 30, bin_ms = 30, history_bins = 5 }
"""
TRIAL_HOPS, BIN_NS = 40, 30_000_000


def quiet(*_: object) -> None:
    """No progress."""


# Matching


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 10_000))
def test_ordered_pairs_are_the_best_of_all(n_rows: int, n_columns: int, seed: int) -> None:
    similarity = np.random.default_rng(seed).uniform(-1, 1, size=(n_rows, n_columns))
    threshold = 0.1
    best = max(
        sum(similarity[pair] - threshold for pair in zip(rows, columns, strict=True))
        for n_pairs in range(min(n_rows, n_columns) + 1)
        for rows in combinations(range(n_rows), n_pairs)
        for columns in combinations(range(n_columns), n_pairs)
    )
    pairs, score = ordered_pairs(similarity, threshold)
    assert score == pytest.approx(best)
    assert (similarity[pairs[:, 0], pairs[:, 1]] - threshold).sum() == pytest.approx(best)
    assert (np.diff(pairs, axis=0) > 0).all()


class Population:
    """Units that share a few slow signals, as a cortex's do; the reach's direction is one."""

    def __init__(self, seed: int, n_units: int = 40) -> None:
        rng = np.random.default_rng(seed)
        self.weights = rng.normal(size=(6, n_units))
        self.log_rate = rng.uniform(-1.5, 1.0, size=n_units)

    def record(self, seed: int, units: Sequence[int], n_trials: int = 40) -> Dataset:
        """Counts of these units on a day of its own."""
        rng = np.random.default_rng(seed)
        n_hops = n_trials * TRIAL_HOPS
        noise = rng.normal(size=(n_hops + 8, 4))
        slow = np.stack([noise[k : k + n_hops] for k in range(9)]).mean(axis=0) * 3
        direction_deg = np.repeat(rng.integers(8, size=n_trials) * 45.0, TRIAL_HOPS)
        speed = np.tile(np.sin(np.linspace(0, np.pi, TRIAL_HOPS)), n_trials)
        angle = np.deg2rad(direction_deg)
        aim = np.stack([np.cos(angle), np.sin(angle)], axis=1) * speed[:, None]
        drive = 0.5 * np.concatenate([slow, 2 * aim], axis=1) @ self.weights[:, units]
        counts = rng.poisson(np.exp(np.clip(drive + self.log_rate[units], -5, 2.5)))
        padded = np.concatenate([counts[:4], counts])
        windows = np.stack([padded[k : k + n_hops] for k in range(5)], axis=1)
        end_ns = np.arange(1, n_hops + 1, dtype=np.int64) * BIN_NS
        trial = np.repeat(np.arange(n_trials), TRIAL_HOPS)
        labels = Labels(end_ns, 20 * aim, direction_deg, trial)
        return Dataset(windows.astype(np.uint16), labels)


ALL_UNITS = range(40)
# One in five is not heard any more.
KEPT = [unit for unit in ALL_UNITS if unit % 5]


@pytest.fixture(scope="module")
def days() -> tuple[Dataset, Dataset]:
    population = Population(0)
    return population.record(1, ALL_UNITS), population.record(2, KEPT)


def true_share(matching: Matching) -> float:
    return float(np.mean([KEPT[second] == first for first, second in matching.pairs]))


def test_a_thinned_day_is_matched(days: tuple[Dataset, Dataset]) -> None:
    matching = match_units(*map(activity, days))
    assert matching.is_real
    assert len(matching.pairs) > 0.8 * len(KEPT)
    assert true_share(matching) > 0.9


def test_days_without_a_unit_in_common_are_told_from_chance(days: tuple[Dataset, Dataset]) -> None:
    stranger = Population(7).record(3, KEPT)
    assert not match_units(activity(days[0]), activity(stranger)).is_real


def test_matching_does_not_look_at_labels(days: tuple[Dataset, Dataset]) -> None:
    labels = days[1].labels
    garbage = Labels(
        labels.end_ns,
        np.full_like(labels.values, np.nan),
        np.full_like(labels.direction_deg, np.nan),
        np.zeros_like(labels.trial),
    )
    blind = match_units(activity(days[0]), activity(replace(days[1], labels=garbage)))
    np.testing.assert_array_equal(blind.pairs, match_units(*map(activity, days)).pairs)


def tuned(rates: FloatArray, seed: int) -> Dataset:
    """A day of units with these rates ``(direction, step of 120 ms, unit)``, 5 trials of each."""
    rng = np.random.default_rng(seed)
    n_directions, n_steps, _ = rates.shape
    direction = rng.permutation(np.repeat(np.arange(n_directions), 5))
    trial, step, _ = (axis.ravel() for axis in np.mgrid[: direction.size, :n_steps, :4])
    counts = rng.poisson(rates[direction[trial], step])
    end_ns = np.arange(1, trial.size + 1, dtype=np.int64) * BIN_NS
    labels = Labels(end_ns, np.zeros((trial.size, 2)), direction[trial] * 45.0, trial)
    return Dataset(counts[:, None].astype(np.uint16), labels)


def test_a_unit_is_tuned_most_like_its_copy(rng: np.random.Generator) -> None:
    rates = rng.gamma(1.0, size=(8, 10, 12))
    first, second = tuned(rates, 1), tuned(rates[:, :, 1::2], 2)
    similarity = tuning_similarity(first, second)
    assert similarity.shape == (12, 6)
    assert np.abs(similarity).max() <= 1 + 1e-9
    np.testing.assert_array_equal(similarity.argmax(axis=0), np.arange(1, 12, 2))
    np.testing.assert_allclose(np.diag(tuning_similarity(first, first)), 1)


def test_tuning_of_silent_units_and_of_strange_directions_is_like_none(
    days: tuple[Dataset, Dataset],
) -> None:
    windows = days[1].windows.copy()
    windows[:, :, 3] = 0
    assert not tuning_similarity(days[0], replace(days[1], windows=windows))[:, 3].any()
    turned = replace(days[1].labels, direction_deg=days[1].labels.direction_deg + 10)
    assert not tuning_similarity(days[0], replace(days[1], labels=turned)).any()


def test_electrodes_are_matched_by_name() -> None:
    matching = match_by_name(("a", "b", "c"), ("c", "a", "b"))
    assert matching.pairs.tolist() == [[0, 1], [1, 2], [2, 0]]
    assert matching.by_name
    assert matching.is_real


# Stitching


@pytest.fixture(scope="module")
def source_day(days: tuple[Dataset, Dataset]) -> SourceDay:
    return learn_source_day(days[0], TINY, BIN_NS, CPU, quiet)


def known_match() -> Matching:
    pairs = [(first, second) for second, first in enumerate(KEPT)]
    return Matching(np.array(pairs), 1.0, np.zeros(1))


def learned(source: SourceDay, target: Dataset, seed: int, monkeypatch: Any) -> FloatArray:
    monkeypatch.setattr("offline_training.transfer.alignment.joint_learning._STEPS", 8)
    stitched = Stitched(source, known_match(), len(KEPT))
    day = LabelledDay(target, np.ones(len(target.labels), dtype=np.bool_))
    learn_target_day(stitched, source, day, seed, quiet)
    return stitched.read_in.matrix.detach().numpy().astype(np.float64)


def test_before_learning_it_is_the_ensemble_on_reordered_features(source_day: SourceDay) -> None:
    features = source_day.ensemble.features[:50]
    order = np.random.default_rng(0).permutation(40)
    by_order = Matching(np.stack([order, np.arange(40)], axis=1), 1.0, np.zeros(1))
    stitched = Stitched(source_day, by_order, 40)
    expected = source_day.ensemble.average(features).numpy()
    latents = stitched.average(features[:, :, torch.from_numpy(order)]).numpy()
    np.testing.assert_allclose(latents, expected, atol=1e-5)


def test_the_readout_stays_and_a_seed_gives_one_read_in(
    source_day: SourceDay, days: tuple[Dataset, Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix, bias = source_day.readout.matrix.copy(), source_day.readout.bias.copy()
    weights = [part.detach().clone() for part in source_day.ensemble.network.parameters()]
    once = learned(source_day, days[1], 0, monkeypatch)
    np.testing.assert_array_equal(once, learned(source_day, days[1], 0, monkeypatch))
    assert not np.array_equal(once, learned(source_day, days[1], 1, monkeypatch))
    np.testing.assert_array_equal(source_day.readout.matrix, matrix)
    np.testing.assert_array_equal(source_day.readout.bias, bias)
    for before, now in zip(weights, source_day.ensemble.network.parameters(), strict=True):
        assert torch.equal(before, now)
    assert Features(source_day.ensemble.network, days[0])[:1].shape[2] == 40


# Pseudo labels


def decoded_like(day: Dataset, rng: np.random.Generator) -> FloatArray:
    """Return outputs of a decoder that shrinks, shifts and is noisy."""
    values: FloatArray = 0.5 * day.labels.values + 1.0 + rng.normal(size=day.labels.values.shape)
    return values


def test_pseudo_labels_have_the_known_spread_and_are_nearer_to_the_truth(
    days: tuple[Dataset, Dataset], rng: np.random.Generator
) -> None:
    known, labels = known_outputs(days[0].labels), days[1].labels
    decoded = decoded_like(days[1], rng)
    found = pseudo_labels(decoded, labels, known)
    np.testing.assert_allclose(found.values.mean(axis=0), known.mean)
    np.testing.assert_allclose(found.values.std(axis=0), 0.94 * known.sd)
    scores = [r2_score(labels.values, values) for values in (decoded, found.values)]
    assert scores[0] < scores[1]
    right = found.direction_deg == labels.direction_deg
    assert right.mean() > 0.8


def test_pseudo_labels_do_not_look_at_labels(
    days: tuple[Dataset, Dataset], rng: np.random.Generator
) -> None:
    known, labels = known_outputs(days[0].labels), days[1].labels
    decoded = decoded_like(days[1], rng)
    blind = replace(
        labels, values=np.full_like(labels.values, np.nan), direction_deg=np.zeros(len(labels))
    )
    found, blindly = (pseudo_labels(decoded, each, known) for each in (labels, blind))
    np.testing.assert_array_equal(found.values, blindly.values)
    np.testing.assert_array_equal(found.direction_deg, blindly.direction_deg)
    is_labelled = np.arange(len(labels)) < 100
    mixed = with_true_labels(found, labels, is_labelled)
    np.testing.assert_array_equal(mixed.values[:100], labels.values[:100])
    np.testing.assert_array_equal(mixed.values[100:], found.values[100:])
    np.testing.assert_array_equal(mixed.direction_deg[100:], found.direction_deg[100:])


def test_the_more_trials_are_labelled_the_more_they_count(days: tuple[Dataset, Dataset]) -> None:
    trial = days[1].labels.trial
    shares = []
    for n_trials in (0, 2, 8, 16, int(trial.max()) + 1):
        day = LabelledDay(days[1], trial < n_trials)
        parts = day.shares()
        assert sum(n_anchors for _, n_anchors in parts) == 64
        assert sorted(np.concatenate([rows for rows, _ in parts])) == list(range(len(trial)))
        shares.append(parts[0][1] if n_trials else 0)
    assert shares == sorted(shares)
    assert shares[-1] == 64


# Trials


def test_trials_are_chosen() -> None:
    assert chosen_trials(("all", "0", "4", "16", "4"), 12) == ([0, 4, 12], ["16"])
    for wanted, words in ((("20",), "has 12 training"), (("1",), "control"), (("x",), "or 'all'")):
        with pytest.raises(ConfigError, match=words):
            chosen_trials(wanted, 12)


# The command


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small days, and settings that learn nothing in no time."""
    folder = tmp_path_factory.mktemp("days")
    for seed in (1, 2):
        task, array = TaskSettings(n_trials=12), ArraySettings(n_electrodes=16)
        save_session(simulate_session(seed, task, array), folder / f"{seed}.npz")
    (folder / "tiny.toml").write_text(TINY_TOML)
    return folder


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offline_training.transfer.alignment.joint_learning._STEPS", 8)


def transfer(folder: Path, *arguments: object) -> Result:
    days = (folder / "1.npz", folder / "2.npz", "--config", folder / "tiny.toml")
    return CliRunner().invoke(build_app(), ["transfer", *map(str, (*days, *arguments))])


POINT = {
    "trials", "method", "labels", "r2", "path_r2", "relative",
    "shuffled_r2", "fit_s", "ensemble_r2",
}  # fmt: skip


def test_the_curve_from_end_to_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        curve_module,
        "load_method",
        lambda name: replace(DIRECT, name=name, fit=lambda *_: lambda d: d.labels.values),
    )
    picture = folder / "new" / "curve.png"
    result = transfer(folder, "--figure", picture, "--json")
    assert result.exit_code == 0, result.output
    assert "--trials 16, 32 skipped: simulated-2 has only 9 training trials" in result.stderr
    content = json.loads(result.stdout)
    assert (content["from"], content["to"], content["area"]) == ("simulated-1", "simulated-2", "M1")
    assert content["match"] == {
        "pairs": 16, "units_a": 16, "units_b": 16, "by_name": True, "score": None,
        "chance_max": None, "is_real": True,
    }  # fmt: skip
    rows = content["curve"]
    ways = [(row["trials"], row["method"]) for row in rows]
    rivals = ["transfer", "scratch", "wiener", "gru"]
    assert ways == [(0, "transfer"), *((n, name) for n in (4, 8, 9) for name in rivals)]
    for row in rows:
        assert set(row) == POINT
        assert row["labels"] == (row["trials"] > 0)
        assert row["relative"] == pytest.approx(row["r2"] / content["full_r2"])
        assert (row["shuffled_r2"] is None) == (row["method"] != "transfer")
        assert (row["ensemble_r2"] is None) == (row["method"] != "transfer")
    full = next(row for row in rows if (row["trials"], row["method"]) == (9, "scratch"))
    assert full["relative"] == 1.0
    assert matplotlib.image.imread(io.BytesIO(picture.read_bytes())).std() > 0.01


def test_the_table_says_how_the_units_were_matched(folder: Path) -> None:
    result = transfer(folder, "--trials", 0, "--no-rivals")
    assert result.exit_code == 0, result.output
    assert "0, no labels" in result.stdout
    assert "16 pairs among 16 and 16 units, by name" in result.stdout


def test_strangers_are_warned_of(folder: Path, tmp_path: Path) -> None:
    """Names that differ leave only how the units fire, and these are other units."""
    stranger = load_session(folder / "2.npz")
    renamed = replace(stranger, channel_ids=tuple(f"u{k}" for k in range(16)))
    save_session(renamed, tmp_path / "b.npz")
    arguments = (folder / "1.npz", tmp_path / "b.npz", "--config", folder / "tiny.toml")
    options = ("--trials", 0, "--no-rivals")
    result = CliRunner().invoke(build_app(), ["transfer", *map(str, (*arguments, *options))])
    assert result.exit_code == 0, result.output
    (line,) = [line for line in result.stderr.splitlines() if "chance" in line]
    assert line.startswith("warning: the match of the days' units is no better than chance (score")
    assert "simulated-2: 9 training trials are few" in result.stderr
    assert "don't trust the label-free row" in result.stdout


def test_known_days_of_the_same_electrodes_are_one_session(folder: Path, tmp_path: Path) -> None:
    """It has a running normalisation, and the bundle decodes as the curve says."""
    third = simulate_session(3, TaskSettings(n_trials=12), ArraySettings(n_electrodes=16))
    save_session(third, tmp_path / "3.npz")
    files = (tmp_path / "3.npz", folder / "1.npz", folder / "2.npz")
    options = ("--config", folder / "tiny.toml", "--trials", 4, "--no-rivals", "--json")
    out = tmp_path / "bundle"
    command = ["transfer", *map(str, (*files, *options, "--out", out))]
    result = CliRunner().invoke(build_app(), command)
    assert result.exit_code == 0, result.output
    content = json.loads(result.stdout)
    assert content["from"] == "simulated-3 + 1 more"
    assert content["match"]["by_name"] is True
    bundle, session = load_bundle(out), load_session(folder / "2.npz")
    assert bundle.model.normalisation is not None
    evaluated = decode(bundle, session).score(session)
    assert evaluated.r2 == pytest.approx(content["curve"][0]["r2"], abs=0.02)


def test_known_days_of_other_units_each_have_a_read_in(folder: Path, tmp_path: Path) -> None:
    paths = []
    for seed, n_electrodes in ((3, 12), (4, 14)):
        array = ArraySettings(n_electrodes=n_electrodes)
        path = tmp_path / f"{seed}.npz"
        save_session(simulate_session(seed, TaskSettings(n_trials=12), array), path)
        paths.append(path)
    options = ("--config", folder / "tiny.toml", "--trials", 0, "--no-rivals", "--json")
    command = ["transfer", *map(str, (*paths, folder / "2.npz", *options))]
    result = CliRunner().invoke(build_app(), command)
    assert result.exit_code == 0, result.output
    content = json.loads(result.stdout)
    assert content["from"] == "simulated-4 + 1 more"
    assert content["match"]["units_a"] == 14
    assert content["match"]["by_name"] is False


def test_one_day_alone_is_refused(folder: Path) -> None:
    error = CliRunner().invoke(build_app(), ["transfer", str(folder / "1.npz")]).exception
    assert isinstance(error, ConfigError)
    assert "name the known days" in str(error)


@pytest.mark.parametrize("n_trials", [0, 4])
def test_the_bundle_loads_and_scores_what_it_says(
    folder: Path, tmp_path: Path, n_trials: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The subject reaches as on the known day: the new day's movement is no label."""
    out = tmp_path / "bundle"
    shown = {folder / "1.npz": REACHING}
    monkeypatch.setattr("offline_training.transfer.commands.reaching_in_file", shown.get)
    arguments = ("--trials", n_trials, "--no-rivals", "--out", out, "--json")
    result = transfer(folder, *arguments)
    assert result.exit_code == 0, result.output
    (row,) = json.loads(result.stdout)["curve"]
    bundle = load_bundle(out)
    scores, training = bundle.manifest.scores, bundle.manifest.training
    assert scores.r2 == pytest.approx(row["r2"], abs=1e-3)
    assert scores.shuffled_r2 == row["shuffled_r2"]
    assert training.session == "simulated-2"
    assert training.carried_from is not None
    assert training.carried_from.session == "simulated-1"
    assert training.carried_from.n_calibration_trials == n_trials
    assert bundle.manifest.reaching == REACHING
    session = load_session(folder / "2.npz")
    evaluated = decode(bundle, session).score(session)
    assert evaluated.r2 == pytest.approx(scores.r2)
    assert {"report.png", "transfer.png"} <= {path.name for path in out.iterdir()}
    assert isinstance(transfer(folder, *arguments).exception, Exception)


def test_the_bundle_keeps_the_first_days_readout_and_no_classes(
    folder: Path, tmp_path: Path
) -> None:
    config = tmp_path / "classes.toml"
    config.write_text(f'classes = "direction"\n{TINY_TOML}')
    result = transfer(
        folder, "--trials", 4, "--no-rivals", "--out", tmp_path / "b", "--config", config
    )
    assert "classes = 'direction' left out" in result.stderr
    manifest = load_bundle(tmp_path / "b").manifest
    assert manifest.classifier is None
    assert "classes" not in manifest.training.settings
    first: Session = load_session(folder / "1.npz")
    split = split_session(first, TINY)
    whole = build_dataset(first, split.shape)
    readout = learn_source_day(whole, TINY, BIN_NS, CPU, quiet).readout
    np.testing.assert_allclose(load_bundle(tmp_path / "b").model.readout.matrix, readout.matrix)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--out", "b"), "one --trials"),
        (("--trials", "0", "--trials", "4", "--out", "b"), "one --trials"),
        (("--figure", "curve.pdf"), ".png"),
        (("--area", "V4"), "no area 'V4'"),
        (("--trials", "many"), "a number of trials"),
    ],
)
def test_what_can_not_be_done_is_refused(
    folder: Path, arguments: tuple[str, ...], words: str
) -> None:
    error = transfer(folder, *arguments).exception
    assert isinstance(error, ConfigError | SessionError)
    assert words in str(error)


def test_days_of_other_windows_are_refused(folder: Path, tmp_path: Path) -> None:
    np.savez(
        tmp_path / "b.npz",
        counts_M1=np.ones((10, 48, 5), np.uint8),
        bin_s=0.05,
        pad_bins=4,
        velocity=np.ones((10, 40, 2), np.float32),
        direction_deg=np.zeros(10, np.int16),
    )
    arguments = ["transfer", str(folder / "1.npz"), str(tmp_path / "b.npz")]
    error = CliRunner().invoke(build_app(), arguments).exception
    assert isinstance(error, ConfigError)
    assert "20 bins of 30 ms every 10 ms" in str(error)
    assert "20 bins of 50 ms every 50 ms" in str(error)
