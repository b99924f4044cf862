"""The rivals: fair, repeatable, causal, and blind to the labels of what they decode."""

from collections.abc import Callable
from dataclasses import replace
from importlib import util
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from torch.optim.optimizer import register_optimizer_step_post_hook

from drivers.simulated.session import ArraySettings, TaskSettings, simulate_session
from offline_training.methods import packages
from offline_training.methods.decoders.gru import gru
from offline_training.methods.decoders.kalman import KALMAN, KalmanFilter, Observation, fit_filter
from offline_training.methods.decoders.learning import Plan
from offline_training.methods.decoders.wiener import PENALTIES, WIENER, WienerFilter
from offline_training.methods.latent.cebra import cebra, cebra_step
from offline_training.methods.latent.linear import DPCA, LDA, PCA
from offline_training.methods.latent.pivae import Normal, pi_vae
from offline_training.methods.latent.umap import UMAP
from offline_training.methods.method import FitContext, Fitted, Method
from offline_training.methods.names import MethodName
from offline_training.methods.preparation import fit_standardiser
from offline_training.methods.registry import METHOD_NAMES, load_method
from rt_ner.core.errors import ConfigError, SessionError
from rt_ner.decoding.windows import WindowShape
from rt_ner.offline.dataset import Dataset, build_dataset
from rt_ner.offline.labels import Labels
from rt_ner.offline.scores import r2_score

BIN_NS = 30_000_000
SHORT = Plan(steps=60, batch=64, learning_rate=5e-3, weight_decay=1e-2)
METHODS = (PCA, LDA, DPCA, WIENER, KALMAN, gru(SHORT), pi_vae(SHORT), cebra(3, steps=4), UMAP)


def context(progress: Callable[[float], None] = lambda _: None, seed: int = 0) -> FitContext:
    return FitContext(seed, torch.device("cpu"), BIN_NS, progress)


def simulated(hop_ns: int) -> Dataset:
    session = simulate_session(3, TaskSettings(n_trials=24), ArraySettings(n_electrodes=32))
    return build_dataset(session, WindowShape(hop_ns=hop_ns, bin_ns=BIN_NS, history_bins=6))


def up_to_trial(dataset: Dataset, first_after: int) -> Dataset:
    return dataset.where(dataset.labels.trial < first_after)


def blinded(dataset: Dataset) -> Dataset:
    """The same hops, with nothing to be learnt from their labels."""
    n_hops = len(dataset.labels)
    nothing = np.full((n_hops, 2), np.nan)
    end_ns = dataset.labels.end_ns
    return replace(
        dataset, labels=Labels(end_ns, nothing, nothing[:, 0], np.zeros(n_hops, dtype=np.int64))
    )


@pytest.fixture(scope="module")
def coarse() -> Dataset:
    """Hops as long as a bin."""
    return simulated(BIN_NS)


@pytest.fixture(scope="module")
def train(coarse: Dataset) -> Dataset:
    return up_to_trial(coarse, 18)


@pytest.fixture(scope="module")
def unseen(coarse: Dataset) -> Dataset:
    return coarse.where(coarse.labels.trial >= 18)


@pytest.fixture(scope="module", params=METHODS, ids=lambda method: method.name)
def method(request: pytest.FixtureRequest) -> Method:
    chosen: Method = request.param
    needs(chosen.needs)
    return chosen


@pytest.fixture(scope="module")
def fitted(method: Method, train: Dataset) -> Fitted:
    return method.fit(train, context())


def needs(package: str) -> None:
    if package and util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


def test_every_name_has_its_method() -> None:
    assert [load_method(name).name for name in METHOD_NAMES] == list(MethodName)


def test_it_gives_its_dimensions(method: Method, fitted: Fitted, unseen: Dataset) -> None:
    values = fitted(unseen)
    assert values.shape == (len(unseen.labels), method.dims)
    assert values.dtype == np.float64
    assert np.isfinite(values).all()


def test_one_seed_gives_one_result(
    method: Method, fitted: Fitted, train: Dataset, unseen: Dataset
) -> None:
    done: list[float] = []
    again = method.fit(train, context(done.append))
    np.testing.assert_array_equal(again(unseen), fitted(unseen))
    assert done == sorted(done)
    assert done[-1] == 1


def test_labels_of_what_is_decoded_are_unseen(fitted: Fitted, unseen: Dataset) -> None:
    np.testing.assert_array_equal(fitted(blinded(unseen)), fitted(unseen))


def test_the_future_changes_nothing(method: Method, fitted: Fitted, unseen: Dataset) -> None:
    half = len(unseen.labels) // 2
    windows = unseen.windows.copy()
    windows[half:] = np.random.default_rng(0).poisson(3, windows[half:].shape)
    before, after = fitted(unseen), fitted(replace(unseen, windows=windows))
    np.testing.assert_array_equal(after[:half], before[:half])
    assert not np.allclose(after[half:], before[half:])


def test_what_decodes_velocity_beats_chance(
    method: Method, fitted: Fitted, unseen: Dataset
) -> None:
    if method.direct:
        assert r2_score(unseen.labels.values, fitted(unseen)) > 0.3


@pytest.mark.parametrize("method", [gru(SHORT), pi_vae(SHORT)], ids=lambda method: method.name)
def test_another_seed_gives_another_result(method: Method, train: Dataset, unseen: Dataset) -> None:
    one, other = (method.fit(train, context(seed=seed))(unseen) for seed in (0, 1))
    assert not np.allclose(one, other)


def test_standardised_counts_have_the_newest_bin_at_unit_scale(train: Dataset) -> None:
    newest = fit_standardiser(train.windows)(train.windows)[:, -1]
    np.testing.assert_allclose(newest.mean(axis=0), 0, atol=1e-4)
    assert (newest.std(axis=0) < 1).all()


def test_a_silent_channel_stays_finite(train: Dataset) -> None:
    windows = train.windows.copy()
    windows[:, :, 0] = 0
    silent = replace(train, windows=windows)
    for method in (PCA, LDA, DPCA, WIENER, KALMAN):
        assert np.isfinite(method.fit(silent, context())(train)).all()


def test_principal_axes_are_those_of_greatest_variance(train: Dataset) -> None:
    features = fit_standardiser(train.windows).flat(train.windows)
    variances = np.linalg.eigvalsh(np.cov(features, rowvar=False))
    latents = PCA.fit(train, context())(train)
    np.testing.assert_allclose(latents.var(axis=0, ddof=1), variances[-3:], rtol=1e-3)


def test_fewer_than_four_directions_have_no_three_discriminants(train: Dataset) -> None:
    three = train.where(np.isin(train.labels.direction_deg, (0, 45, 90)))
    with pytest.raises(SessionError, match="lda: .* 3 reach directions"):
        LDA.fit(three, context())


def test_wiener_is_ridge_regression(train: Dataset, unseen: Dataset) -> None:
    fitted = WIENER.fit(train, context())
    assert isinstance(fitted, WienerFilter)
    assert fitted.penalty in PENALTIES
    flat = fit_standardiser(train.windows).flat
    ridge = Ridge(alpha=fitted.penalty * len(train.labels))
    ridge.fit(flat(train.windows).astype(np.float64), train.labels.values)
    expected = ridge.predict(flat(unseen.windows).astype(np.float64))
    np.testing.assert_allclose(fitted(unseen), expected, atol=1e-6)


def literal_filter(fitted: KalmanFilter, roots: np.ndarray) -> np.ndarray:
    """Prediction and correction as Wu et al. write them, with the gain: ``(time, 2)`` in cm/s."""
    A, W = fitted.dynamics.matrix, fitted.dynamics.noise  # noqa: N806
    H, Q = fitted.tuning.matrix, fitted.tuning.noise  # noqa: N806
    x, P = np.zeros(4), fitted.prior  # noqa: N806
    states = []
    for z in roots - fitted.mean_root:
        x, P = A @ x, A @ P @ A.T + W  # noqa: N806
        K = P @ H.T @ np.linalg.inv(H @ P @ H.T + Q)  # noqa: N806
        x, P = x + K @ (z - H @ x), (np.eye(4) - K @ H) @ P  # noqa: N806
        states.append(x + fitted.mean_state)
    return np.array(states)[:, :2]


def test_kalman_is_the_filter_that_the_equations_give(train: Dataset, unseen: Dataset) -> None:
    fitted = fit_filter(train, Observation(n_bins=1, lag=1), BIN_NS)
    roots = np.sqrt(unseen.windows[:, -2].astype(np.float64))
    np.testing.assert_allclose(fitted(unseen), literal_filter(fitted, roots), atol=1e-8)


def test_no_kalman_filter_sees_a_spike_twice() -> None:
    """Hops of a third of a bin, observed two bins at a time, go to six filters in turn."""
    fine = up_to_trial(simulated(BIN_NS // 3), 8)
    fitted = fit_filter(fine, Observation(n_bins=2, lag=0), BIN_NS)
    velocity_cm_s = fitted(fine)
    roots = np.sqrt(fine.windows[:, -2:].sum(axis=1).astype(np.float64))
    for phase in range(6):
        mine = fine.labels.end_ns // (BIN_NS // 3) % 6 == phase
        np.testing.assert_allclose(
            velocity_cm_s[mine], literal_filter(fitted, roots[mine]), atol=1e-8
        )


def test_kalman_needs_steps_within_a_trial(train: Dataset) -> None:
    _, first = np.unique(train.labels.trial, return_index=True)
    lone = train.where(np.isin(np.arange(len(train.labels)), first))
    with pytest.raises(SessionError, match="kalman: no two samples of behaviour"):
        KALMAN.fit(lone, context())


def test_products_and_divergences_are_those_of_normal_distributions() -> None:
    one = Normal(torch.tensor([[0.0]]), torch.tensor([[0.0]]))
    other = Normal(torch.tensor([[3.0]]), torch.log(torch.tensor([[0.5]])))
    product = one.times(other)
    assert product.mean.item() == pytest.approx(2)
    assert product.log_variance.exp().item() == pytest.approx(1 / 3)
    expected = torch.distributions.kl_divergence(
        torch.distributions.Normal(0.0, 1.0), torch.distributions.Normal(3.0, 0.5**0.5)
    )
    assert one.divergence(other).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("n_bins", [4, 5, 6])
def test_cebra_takes_in_the_whole_window(train: Dataset, n_bins: int) -> None:
    needs("cebra")
    some = replace(train, windows=train.windows[:, -n_bins:])
    fitted = cebra(3, steps=1).fit(some, context())
    latents = fitted(some)
    np.testing.assert_allclose(np.linalg.norm(latents, axis=1), 1, rtol=1e-5)
    for changed in range(n_bins):
        windows = some.windows.copy()
        windows[:, changed] += 5
        assert not np.allclose(fitted(replace(some, windows=windows)), latents)


def test_cebra_refuses_a_window_shorter_than_its_convolutions(train: Dataset) -> None:
    needs("cebra")
    short = replace(train, windows=train.windows[:, -3:])
    with pytest.raises(ConfigError, match="history_bins = 3"):
        cebra(3).fit(short, context())


def test_a_cebra_step_is_one_step_of_its_optimiser(train: Dataset) -> None:
    needs("cebra")
    steps: list[object] = []
    step = cebra_step(train, batch=16, seed=0)
    hook = register_optimizer_step_post_hook(lambda optimizer, *_: steps.append(optimizer))
    try:
        step()
        step()
    finally:
        hook.remove()
    assert len(steps) == 2


@pytest.mark.parametrize(
    ("method", "remedy"), [(cebra(3), "pip install cebra"), (UMAP, "pip install umap-learn")]
)
def test_a_missing_package_is_named_with_its_remedy(
    method: Method, remedy: str, train: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "util", SimpleNamespace(find_spec=lambda name: None))
    with pytest.raises(ConfigError, match=f"'{method.needs}' is not installed.*{remedy}"):
        method.fit(train, context())
