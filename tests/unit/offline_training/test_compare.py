"""The comparison: one footing for all methods, and scores that mean what they say."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import special_ortho_group
from sklearn.neighbors import KNeighborsRegressor

from offline_training.compare.evaluation_split import EvaluationSplit, load_recordings, recording_of
from offline_training.compare.report.paper import paper_rows
from offline_training.compare.run import Results, run
from offline_training.compare.scoring.aligned.alignment import align
from offline_training.compare.scoring.direction import score_direction
from offline_training.compare.scoring.readouts import fit_neighbours
from offline_training.dataset.similarity import fit_procrustes
from offline_training.dataset.split import split_session
from offline_training.methods import registry
from offline_training.methods.method import FitContext, Fitted, Method
from offline_training.methods.registry import METHOD_NAMES, installed_methods, named_methods
from offline_training.settings import TrainSettings
from rt_ner.core.arrays import FloatArray
from rt_ner.core.errors import ConfigError, SessionError
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts
from rt_ner.data.session.trials import Trials
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.scores import r2_score
from tests.helpers.reaches import (
    BIN_NS,
    DIRECT,
    LATENTS,
    TRIAL_HOPS,
    Listener,
    fake,
    latents,
    plan,
    reaches,
    spelled,
)
from tests.unit.offline.test_dataset import counted_session

REFERENCE = Path(__file__).resolve().parents[4] / "shared" / "reference" / "ner_paper_results.json"
COLUMNS = [
    "session", "area", "method", "readout", "dims", "causal", "seed", "r2", "path_r2",
    "direction_acc", "shuffled_r2", "fit_s", "train_r2", "train_path_r2",
    "swapped_r2", "decodes",
]  # fmt: skip


def results_of(recording: EvaluationSplit, *methods: Method, **more: Any) -> Results:
    return run(plan((recording,), *methods, **more), Listener())


def both_parts(recording: EvaluationSplit) -> tuple[FloatArray, FloatArray]:
    return latents(recording.split.train), latents(recording.split.test)


def turned(recording: EvaluationSplit, seed: int = 0, scale: float = 3.0) -> Method:
    rotation = special_ortho_group.rvs(3, random_state=seed)
    return fake("latents", lambda dataset: scale * latents(dataset) @ rotation + 5.0)


# The paper's input


def test_the_papers_smoothing_is_centred_and_not_called_causal() -> None:
    session = counted_session(n_trials=6, n_bins=20)
    assert isinstance(session.spikes, SpikeCounts)
    recording = recording_of(session, smoothing=True)
    assert not recording.split.causal
    bins = np.arange(-4, 5)
    kernel = np.exp(-0.5 * (bins * 30.0 / 45.0) ** 2)
    kernel /= kernel.sum()
    train = recording.split.train
    for window, end_ns, velocity in zip(
        train.windows, train.labels.end_ns, train.labels.values, strict=True
    ):
        centre = end_ns // BIN_NS - 1 - 4
        np.testing.assert_allclose(
            window[0], kernel @ session.spikes.counts[centre + bins], rtol=1e-5
        )
        np.testing.assert_allclose(velocity, session.behaviour.values[centre])
    np.testing.assert_array_equal(recording.go_ns, session.trials.go_ns + 4 * BIN_NS)
    assert recording_of(counted_session(8, 30)).split.causal


# Alignment


@given(
    st.integers(0, 1000),
    st.floats(0.1, 10),
    st.booleans(),
    st.integers(2, 5),
)
def test_procrustes_finds_rotation_reflection_scale_and_offset(
    seed: int, scale: float, mirrored: bool, dims: int
) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(30, dims))
    rotation = special_ortho_group.rvs(dims, random_state=seed)
    rotation[0] *= -1 if mirrored else 1
    target = scale * points @ rotation + rng.normal(size=dims)
    found = fit_procrustes(points, target)
    assert found.scale == pytest.approx(scale)
    np.testing.assert_allclose(found.rotation, rotation, atol=1e-8)
    np.testing.assert_allclose(found(points), target, atol=1e-8)


def test_points_that_coincide_are_moved_to_the_mean() -> None:
    found = fit_procrustes(np.ones((5, 3)), np.arange(15.0).reshape(5, 3))
    np.testing.assert_allclose(found(np.ones(3)), [6, 7, 8])


def test_alignment_sees_training_trials_only() -> None:
    one, other = reaches("one"), reaches("other", noise_cm_s=3.0)
    train = latents(one.split.train), latents(other.split.train)
    found = align((one, train[0]), (other, train[1]))
    blind = replace(other.split, test=other.split.test.where(other.split.test.labels.trial < 0))
    again = align((one, train[0]), (replace(other, split=blind), train[1]))
    np.testing.assert_array_equal(found.rotation, again.rotation)


def test_a_readout_works_on_aligned_latents_of_another_recording() -> None:
    one, other = reaches("one"), reaches("other")
    rotated = turned(other).fit

    def fit(train: Dataset, context: FitContext) -> Fitted:
        return rotated(train, context) if train is other.split.train else latents

    results = run(plan((one, other), Method("latents", 3, fit), with_control=False), Listener())
    assert len(results.across) == 2
    for transfer in results.across:
        assert transfer.r2 > 0.98
        assert transfer.path_r2 > 0.98
        assert transfer.unaligned_r2 < 0.5
    assert {transfer.pair for transfer in results.across} == {
        ("one M1", "other M1"), ("other M1", "one M1")
    }  # fmt: skip


def test_recordings_that_share_no_two_directions_are_left_apart_and_it_is_said() -> None:
    recordings = (reaches("one"), reaches("other", (0.0, 45.0, 135.0)))
    listener = Listener()
    assert run(plan(recordings, LATENTS), listener).across == []
    assert "one M1 and other M1 are not aligned" in listener.told[0]
    assert "share 1 reach directions" in listener.told[0]


# Direction


def test_separable_latents_tell_every_direction() -> None:
    recording = reaches()
    score = score_direction(recording, *both_parts(recording))
    assert score.accuracy == 1.0
    assert score.chance == 0.25
    assert score.right[TRIAL_HOPS // 2] == score.trials[TRIAL_HOPS // 2] == 8


def test_noise_tells_no_direction(rng: np.random.Generator) -> None:
    recording = reaches(n_trials=400)
    train, test = (rng.normal(size=part.shape) for part in both_parts(recording))
    accuracy = score_direction(recording, train, test).accuracy
    assert accuracy is not None
    assert accuracy == pytest.approx(0.25, abs=0.12)


def test_direction_is_learned_from_training_trials_only() -> None:
    """With their labels shuffled, latents that spell out the direction tell it no more."""
    recording = reaches(n_trials=200)
    accuracy = score_direction(recording.shuffled(0), *both_parts(recording)).accuracy
    assert accuracy is not None
    assert accuracy < 0.6


def test_one_direction_can_not_be_told() -> None:
    recording = reaches(directions=(90.0,))
    assert score_direction(recording, *both_parts(recording)).accuracy is None
    (row, _) = results_of(recording, LATENTS).rows
    assert row.direction_acc is None


def test_a_direction_that_was_never_trained_counts_as_wrong() -> None:
    recording = reaches()
    labels = recording.split.test.labels
    foreign = np.where(labels.trial == labels.trial[0], 45.0, labels.direction_deg)
    test = replace(recording.split.test, labels=replace(labels, direction_deg=foreign))
    changed = replace(recording, split=replace(recording.split, test=test))
    assert score_direction(changed, *both_parts(changed)).accuracy == 7 / 8


def test_steps_are_bins_since_the_go_cue_whatever_the_hop() -> None:
    recording = reaches(hops_per_bin=3)
    labels = recording.split.test.labels
    values = np.arange(len(labels), dtype=float)[:, None]
    in_steps = recording.in_steps(values, labels)
    assert in_steps.shape == (8, recording.n_steps, 1)
    assert recording.n_steps == 7
    np.testing.assert_array_equal(in_steps[0, :3, 0], [1.0, 4.0, 7.0])
    assert recording.step_end_s[0] == pytest.approx(BIN_NS / 1e9)
    late = replace(recording, go_ns=recording.go_ns + BIN_NS)
    np.testing.assert_array_equal(late.in_steps(values, labels)[0, 0], [4.0])


# Readouts


@pytest.mark.parametrize(("noise_cm_s", "expected"), [(0.0, 5), (300.0, 150)])
def test_neighbours_are_chosen_on_the_last_training_trials(
    noise_cm_s: float, expected: int, rng: np.random.Generator
) -> None:
    """Noise wants many neighbours, clean data few."""
    train = reaches(n_trials=60).split.train
    noisy = spelled(train) + rng.normal(scale=noise_cm_s, size=(len(train.labels), 2))
    labels = replace(train.labels, values=noisy)
    values = latents(train).astype(np.float32)
    expected_cm_s = KNeighborsRegressor(expected).fit(values, noisy).predict(values)
    np.testing.assert_allclose(fit_neighbours(values, labels)(values), expected_cm_s)


# Rows


def test_rows_are_complete() -> None:
    results = results_of(reaches(), LATENTS, DIRECT, n_seeds=2)
    assert [(row.method, row.readout, row.seed) for row in results.rows] == [
        ("latents", "linear", 0), ("latents", "knn", 0), ("direct", "own", 0),
        ("latents", "linear", 1), ("latents", "knn", 1), ("direct", "own", 1),
    ]  # fmt: skip
    for row in results.rows:
        assert list(asdict(row)) == COLUMNS
        assert row.causal is True
        assert row.dims == (2 if row.method == "direct" else 3)
        assert row.r2 > 0.95
        assert row.path_r2 > 0.95
        assert row.shuffled_r2 is not None
        assert row.shuffled_r2 < (0.2 if row.readout != "own" else 1.1)
        assert row.fit_s >= 0


def test_scores_are_the_right_way_round_and_swapped_beside() -> None:
    recording = reaches()
    half = fake("half", lambda dataset: 0.5 * spelled(dataset), dims=2, direct=True)
    (row,) = results_of(recording, half).rows
    true_cm_s = recording.split.test.labels.values
    decoded_cm_s = 0.5 * spelled(recording.split.test)
    assert row.r2 == pytest.approx(r2_score(true_cm_s, decoded_cm_s), abs=1e-5)
    assert row.swapped_r2 == pytest.approx(r2_score(decoded_cm_s, true_cm_s), abs=1e-5)
    assert row.r2 != pytest.approx(row.swapped_r2, abs=0.1)
    path_cm = [np.cumsum(np.split(cm_s, 8), axis=1) for cm_s in (true_cm_s, decoded_cm_s)]
    flat = [path.reshape(-1, 2) for path in path_cm]
    assert row.path_r2 == pytest.approx(r2_score(*flat), abs=1e-5)


def test_the_control_learns_from_other_trials_labels_of_the_same_input() -> None:
    recording = reaches()
    seen: list[Dataset] = []

    def fit(train: Dataset, context: FitContext) -> Fitted:
        seen.append(train)
        return latents

    listener = Listener()
    run(plan((recording,), Method("spy", 3, fit)), listener)
    true, control = seen
    assert [job.is_control for job in listener.jobs] == [False, True]
    np.testing.assert_array_equal(true.windows, control.windows)
    assert (true.labels.direction_deg != control.labels.direction_deg).mean() > 0.5
    (held_out,) = {id(job.recording.split.test) for job in listener.jobs}
    assert held_out == id(recording.split.test)


def test_without_control_its_score_is_null() -> None:
    listener = Listener()
    results = run(plan((reaches(),), LATENTS, with_control=False), listener)
    assert {row.shuffled_r2 for row in results.rows} == {None}
    assert len(listener.jobs) == 1


def test_a_method_that_fails_is_named() -> None:
    nonsense = fake("nonsense", lambda dataset: np.nan * latents(dataset))
    with pytest.raises(SessionError, match="nonsense on made-up M1: .*not finite"):
        results_of(reaches(), nonsense)


# Methods and recordings


def test_an_unknown_method_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="unknown method 'wienr': did you mean 'wiener'.*kalman"):
        named_methods(["pca", "wienr"])


def test_a_method_whose_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    needy = replace(LATENTS, name="umap", needs="no_such_package")
    monkeypatch.setattr(registry, "load_method", lambda name: needy if name == "umap" else LATENTS)
    with pytest.raises(ConfigError, match="method 'umap': .*no_such_package.*pip install"):
        named_methods(["umap"])
    listener = Listener()
    assert len(installed_methods(listener.tell)) == len(METHOD_NAMES) - 1
    assert listener.told[0].startswith("umap is left out: ")


def two_areas(folder: Path, name: str = "two") -> Path:
    path = folder / f"{name}.npz"
    rng = np.random.default_rng(0)
    np.savez(
        path,
        counts_M1=rng.poisson(1.0, (10, 48, 5)).astype(np.uint8),
        counts_PMd=rng.poisson(1.0, (10, 48, 6)).astype(np.uint8),
        bin_s=0.03,
        pad_bins=4,
        velocity=rng.normal(size=(10, 40, 2)).astype(np.float32),
        direction_deg=np.resize([0, 90], 10).astype(np.int16),
    )
    return path


def test_areas_are_the_first_those_named_or_all(tmp_path: Path) -> None:
    path = two_areas(tmp_path)

    def names(*areas: str) -> list[str]:
        return [recording.name for recording in load_recordings([path], areas)]

    assert names() == ["two M1"]
    assert names("PMd") == ["two PMd"]
    assert names("all") == names("M1", "PMd") == ["two M1", "two PMd"]


def test_an_area_that_a_file_lacks_is_an_error(tmp_path: Path, small_session_file: Path) -> None:
    with pytest.raises(SessionError, match="small.npz: no area 'PMd': this session holds M1"):
        load_recordings([two_areas(tmp_path), small_session_file], ["PMd"])
    assert len(load_recordings([small_session_file], ["all"])) == 1


def test_the_same_recording_twice_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two M1 was given twice"):
        load_recordings([two_areas(tmp_path)] * 2, [])


def test_too_few_trials_for_a_control_are_refused(small_session: Session) -> None:
    trials = small_session.trials
    two = Trials(*(values[:2] for name, values in vars(trials).items() if name != "are_blocks"))
    with pytest.raises(SessionError, match="at least 2, of at least 3 trials"):
        recording_of(replace(small_session, trials=two))


def test_the_split_holds_the_last_trials_out(small_session: Session) -> None:
    split = split_session(small_session, TrainSettings())
    assert split.n_train == 12
    assert split.train.labels.trial.max() < 12 <= split.test.labels.trial.min()
    assert split.causal


# The paper


def test_quotations_are_what_the_paper_stores() -> None:
    if not REFERENCE.is_file():
        pytest.skip(f"no reference here: {REFERENCE} is absent")
    tables = json.loads(REFERENCE.read_text())["tables"]
    files = {"ner-paper": "NER", "cebra-3": "Cebra", "cebra-16": "Cebra_16D", "pi-vae": "piVAE"}
    rows = paper_rows(
        [f"Chewie_{day} M1" for day in (20150629, 20150630, 20161007)]
        + ["Chewie_20161007 PMd", "Han_20171201 S1"]
    )
    assert len(rows) == 25
    for row in rows:
        area = {"M1": "M1, 10", "PMd": "PMd and M1", "S1": "S1"}[row.area]
        (table,) = (table for name, table in tables.items() if name.startswith(area))
        ending = "_kNN" if row.readout == "knn" else ""
        subject = "Chewie" if "Chewie" in row.session else "Han2017"
        stored = table[f"{files[row.method]}_{subject}{ending}"]
        day = row.session[-6:] + ("PM" if row.area == "PMd" else "")
        scores = {name: v[stored["sessions"].index(day)] for name, v in stored["within"].items()}
        assert row.swapped_r2 == scores["velocity_r2"]
        assert row.path_r2 == scores["position_r2"]
        assert 100 * row.direction_acc == pytest.approx(scores["direction_acc_pct"], abs=1e-3)
