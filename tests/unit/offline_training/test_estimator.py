"""NER as a scikit-learn estimator: its rules, its history, and the same training as a bundle's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import (
    check_methods_sample_order_invariance,
    check_methods_subset_invariance,
    parametrize_with_checks,
)

from offline_training.dataset.arrays import ROW_NS
from offline_training.estimator import NER
from offline_training.ner.distillation import train_encoder
from offline_training.ner.networks.encoder_network import embed
from offline_training.settings import EnsembleSettings, TrainSettings, WindowSettings
from rt_ner.core.errors import ConfigError
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.labels import Labels
from rt_ner.offline.scores import r2_score

BRIEF: dict[str, Any] = {
    "history_bins": 3, "steps": 25, "batch": 32, "members": 1, "learning_rate": 2e-2,
    "device": "cpu",
}  # fmt: skip
# Enough for a score of 0.5, which scikit-learn asks for.
BRIEFER = BRIEF | {"steps": 15}
_NEIGHBOURS = "a row's latents depend on the rows before it"
NOT_APPLICABLE = {
    "check_methods_sample_order_invariance": _NEIGHBOURS,
    "check_methods_subset_invariance": _NEIGHBOURS,
}


@parametrize_with_checks([NER(**BRIEFER)], expected_failed_checks=lambda _: NOT_APPLICABLE)
def test_it_keeps_the_rules_of_scikit_learn(estimator: NER, check: Callable[[NER], None]) -> None:
    check(estimator)


@pytest.mark.parametrize(
    "check", [check_methods_sample_order_invariance, check_methods_subset_invariance]
)
def test_without_history_rows_stand_alone(check: Callable[[str, NER], None]) -> None:
    check("NER", NER(**BRIEF | {"history_bins": 1}))


def reaching(n_trials: int = 24, rows: int = 20) -> tuple[np.ndarray, ...]:
    """Counts of 16 tuned channels, velocity, direction and trial of bell-shaped reaches."""
    rng = np.random.default_rng(0)
    trial = np.repeat(np.arange(n_trials), rows)
    direction_deg = 45.0 * (trial % 8)
    speed = np.tile(30 * np.sin(np.linspace(0.1, np.pi, rows)), n_trials)
    angle = np.deg2rad(direction_deg)
    velocity = speed[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    counts = rng.poisson(np.exp(0.5 + velocity @ rng.normal(size=(2, 16)) / 40))
    return counts, velocity, direction_deg, trial


def test_it_learns_what_a_bundle_would_learn() -> None:
    counts, velocity, direction_deg, trial = reaching()
    ner = NER(history_bins=4, steps=20, batch=16, members=2, distillation_steps=20, random_state=5)
    ner.fit(counts, velocity, direction_deg, trial)
    settings = TrainSettings(
        seed=5,
        steps=20,
        batch=16,
        window=WindowSettings(history_bins=4),
        ensemble=EnsembleSettings(members=2, distillation_steps=20),
    )
    rows = range(4, len(counts) + 1)
    windows = np.stack([counts[last - 4 : last] for last in rows]).astype(np.uint16)
    end_ns = np.array(rows, dtype=np.int64) * ROW_NS
    dataset = Dataset(windows, Labels(end_ns, velocity[3:], direction_deg[3:], trial[3:]))
    learned = train_encoder(dataset, settings, ROW_NS, torch.device("cpu"), lambda *_: None)
    assert ner.validation_r2_ == learned.validation_r2
    np.testing.assert_allclose(
        ner.transform(counts)[3:], embed(learned.network, dataset), atol=1e-5
    )


def test_it_decodes_velocity_from_trials_it_has_not_seen() -> None:
    counts, velocity, direction_deg, trial = reaching()
    seen = trial < 18
    ner = NER(**BRIEF).fit(counts[seen], velocity[seen], direction_deg[seen], trial[seen])
    assert ner.transform(counts[~seen]).shape == (len(counts[~seen]), 3)
    assert ner.score(counts[~seen], velocity[~seen]) > 0.5
    expected = r2_score(velocity[~seen], ner.predict(counts[~seen]))
    assert ner.score(counts[~seen], velocity[~seen]) == pytest.approx(expected)


def test_the_future_changes_nothing_and_the_first_row_stands_for_the_rows_before_it() -> None:
    counts, velocity, *_ = reaching()
    ner = NER(**BRIEF).fit(counts, velocity)
    whole = ner.transform(counts)
    np.testing.assert_allclose(ner.transform(counts[:100]), whole[:100], atol=1e-12)
    repeated = np.concatenate([counts[:1], counts[:1], counts])
    np.testing.assert_allclose(ner.transform(repeated)[2:], whole, atol=1e-12)
    # From the first full history on, it does not matter where the array begins.
    np.testing.assert_allclose(ner.transform(counts[50:])[2:], whole[52:], atol=1e-12)


def test_rows_between_trials_are_history_alone() -> None:
    counts, velocity, direction_deg, trial = reaching()
    between = trial % 2 == 1
    wrong = np.where(between[:, None], 1e3, velocity)
    some = np.where(between, -1, trial)
    one = NER(**BRIEF).fit(counts, velocity, direction_deg, some)
    other = NER(**BRIEF).fit(counts, wrong, direction_deg, some)
    np.testing.assert_array_equal(one.predict(counts), other.predict(counts))


def test_a_velocity_of_one_dimension_keeps_its_shape() -> None:
    counts, velocity, *_ = reaching()
    assert NER(**BRIEF).fit(counts, velocity[:, 0]).predict(counts).shape == (len(counts),)
    assert NER(**BRIEF).fit(counts, velocity[:, :1]).predict(counts).shape == (len(counts), 1)


def test_it_is_cloned_and_stands_in_a_pipeline() -> None:
    counts, velocity, *_ = reaching()
    ner = NER(**BRIEF)
    assert clone(ner).get_params() == ner.get_params()
    pipeline = make_pipeline(FunctionTransformer(), ner).fit(counts, velocity)
    np.testing.assert_array_equal(
        pipeline.predict(counts), clone(ner).fit(counts, velocity).predict(counts)
    )
    assert list(ner.get_feature_names_out()) == ["ner0", "ner1", "ner2"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"velocity": np.zeros((480, 17))}, "y has 17 columns: expected 1 to 16"),
        ({"velocity": np.ones((480, 2))}, "y never changes"),
        ({"counts": -np.ones((480, 2))}, "Negative values"),
        ({"trial": np.arange(480) % 2}, "rows of a trial next to each other"),
        ({"trial": np.full(480, -1)}, "no row with a full history lies in a trial"),
        ({"trial": np.zeros(3)}, r"expected one number per row, \(480,\)"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change: dict[str, Any], message: str) -> None:
    counts, velocity, _, trial = reaching()
    arrays = {"counts": counts, "velocity": velocity, "trial": trial} | change
    with pytest.raises(ValueError, match=message):
        NER(**BRIEF).fit(arrays["counts"], arrays["velocity"], trial=arrays["trial"])


def test_a_parameter_out_of_range_is_refused_by_fit() -> None:
    counts, velocity, *_ = reaching()
    ner = NER(latent_dim=0)
    with pytest.raises(ConfigError, match="NER: latent_dim = 0"):
        ner.fit(counts, velocity)
    with pytest.raises(ValueError, match="n_samples = 10: expected 21 rows or more"):
        NER().fit(counts[:10], velocity[:10])


def test_any_outputs_are_learned(rng: np.random.Generator) -> None:
    """Three of very different size, such as a force beside two angles."""
    walk = np.cumsum(rng.normal(size=(600, 3)), axis=0)
    counts = rng.poisson(np.exp(walk @ rng.normal(size=(3, 24)) / 30))
    outputs = walk * [1.0, 100.0, 0.01]
    fitted = NER(**BRIEF | {"steps": 60}).fit(counts, outputs)
    predicted = fitted.predict(counts)
    assert predicted.shape == outputs.shape
    for column in range(3):
        assert r2_score(outputs[:, [column]], predicted[:, [column]]) > 0.3
