"""Training: reproducible, better than chance, and the same function in torch and in ONNX."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from offline_training.dataset.split import split_session
from offline_training.ner.distillation import Taught, distill, train_encoder
from offline_training.ner.ensemble import train_ensemble
from offline_training.ner.export.encoder_export import export_onnx
from offline_training.ner.networks import features
from offline_training.ner.networks.encoder_network import (
    EncoderNetwork,
    embed,
    member_latents,
    temporal_basis,
)
from offline_training.ner.networks.features import Features
from offline_training.options import pick_device
from offline_training.settings import (
    EnsembleSettings,
    FaultSettings,
    TrainSettings,
    WindowSettings,
    window_shape,
)
from offline_training.training import fit_decoder, train, train_bundle
from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.verification import run_windows
from rt_ner.core.errors import ConfigError, SessionError
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.session import Session
from rt_ner.decoding.readouts.readout import Readout, fit_readout
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.offline.dataset import build_dataset
from rt_ner.offline.decoding import decode_session
from rt_ner.offline.scores import compare, only_trials, r2_score
from tests.helpers import one_session
from tests.helpers.reaches import BIN_NS, reaches
from tests.helpers.sessions import SMALL_NETWORK, quick_settings

CPU = torch.device("cpu")


def quiet(*_: object) -> None:
    """No progress."""


def test_settings_by_keyword_replace_single_ones(
    small_session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = quick_settings(steps=10, batch=8, **SMALL_NETWORK)
    with pytest.warns(UserWarning, match="training trials") as caught:
        bundle = train(
            small_session,
            settings=settings,
            progress=False,
            device="cpu",
            latent_dim=2,
            ensemble={"members": 1},
        )
    assert "12 training trials are few" in str(caught[0].message)
    assert bundle.manifest.latent_dim == 2
    trained_with = TrainSettings.model_validate(bundle.manifest.training.settings)
    assert trained_with.ensemble == settings.ensemble.model_copy(update={"members": 1})
    assert trained_with.steps == 10
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"latentdim": 2}, "train: unknown key 'latentdim': did you mean 'latent_dim'"),
        ({"ensemble": {"member": 2}}, "unknown key 'ensemble.member': did you mean 'members'"),
        ({"steps": 1}, "train: steps = 1"),
    ],
)
def test_unknown_settings_are_refused_by_name(
    small_session: Session, keywords: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        train(small_session, **keywords)


def test_another_seed_gives_another_encoder(small_session: Session, small_bundle: Bundle) -> None:
    settings = quick_settings(seed=1)
    split = split_session(small_session, settings)
    other, _ = fit_decoder(small_session, split, settings, CPU, quiet)
    assert other.encoder_onnx != small_bundle.encoder_onnx


def test_the_exported_graph_is_the_trained_network(small_session: Session) -> None:
    settings = TrainSettings()
    shape = window_shape(settings.window, small_session)
    dataset = build_dataset(small_session, shape)
    torch.manual_seed(0)
    network = EncoderNetwork(dataset, settings)
    readout = Readout(np.eye(3, 2), np.zeros(2))
    model = DecoderSpecification(small_session.channel_ids, shape, export_onnx(network), readout)
    some = dataset.where(np.arange(len(dataset.labels)) % 50 == 0)
    latents, _ = run_windows(model, some.windows.astype(np.float32))
    np.testing.assert_allclose(latents, embed(network, some), atol=1e-4)


@pytest.mark.parametrize("unit_norm", [False, True])
def test_a_silent_channel_is_ignored_also_when_it_fires_later(
    small_session: Session, unit_norm: bool
) -> None:
    settings = TrainSettings(unit_norm=unit_norm, ensemble=EnsembleSettings(members=1))
    shape = window_shape(settings.window, small_session)
    dataset = build_dataset(small_session, shape)
    dataset = dataset.where(np.arange(len(dataset.labels)) % 50 == 0)
    dataset.windows[:, :, 7] = 0
    network = EncoderNetwork(dataset, settings)
    readout = Readout(np.eye(3, 2), np.zeros(2))
    model = DecoderSpecification(small_session.channel_ids, shape, export_onnx(network), readout)
    silent = dataset.windows.astype(np.float32)
    loud = silent.copy()
    loud[:, :, 7] = 5
    latents, _ = run_windows(model, silent)
    np.testing.assert_array_equal(run_windows(model, loud)[0], latents)
    if unit_norm:
        np.testing.assert_allclose(np.linalg.norm(latents, axis=1), 1, rtol=1e-5)


def test_one_encoder_learns_what_an_ensemble_knows(small_session: Session) -> None:
    ensemble_settings = EnsembleSettings(members=2, distillation_steps=250)
    settings = quick_settings(steps=60, ensemble=ensemble_settings, **SMALL_NETWORK)
    split = split_session(small_session, settings)
    step_ns = split.shape.bin_ns
    ensemble, _ = train_ensemble(split.train, settings, step_ns, CPU, quiet)
    (pupil,) = distill([Taught(split.train, ensemble.average)], settings, CPU, quiet)
    own = embed(pupil, split.test)
    wanted = ensemble.average(Features(ensemble.network, split.test)).numpy()
    assert r2_score(wanted, own) > 0.8
    members = member_latents(ensemble.network, ensemble.features).numpy()
    assert r2_score(members[0], members[1]) > 0.3, "members' latents stand in one space"


def test_members_learn_from_all_trials_and_are_validated_by_a_witness_that_does_not() -> None:
    """Labels without any relation to the spikes can be learned by heart, but not validated."""
    rng = np.random.default_rng(0)
    recording = reaches(n_trials=40).split.train
    noise = replace(recording, windows=rng.poisson(1.0, recording.windows.shape).astype(np.uint16))
    settings = TrainSettings(
        steps=200, batch=32, input_noise=0.0, ensemble=EnsembleSettings(members=2)
    )
    ensemble, validation_r2 = train_ensemble(noise, settings, BIN_NS, CPU, quiet)
    assert validation_r2 is not None
    assert validation_r2 < 0.1
    *members, witness = ensemble.left_out
    assert not np.any(members)
    assert np.unique(noise.labels.trial[witness]).size == 3
    assert len(ensemble.network.latent.weight) == 2


def test_encoders_go_back_to_before_they_learned_by_heart() -> None:
    rng = np.random.default_rng(0)
    recording = reaches(n_trials=40).split.train
    noise = replace(recording, windows=rng.poisson(1.0, recording.windows.shape).astype(np.uint16))
    settings = TrainSettings(steps=200, batch=32, input_noise=0.0)
    ensemble, _ = train_ensemble(noise, settings, BIN_NS, CPU, quiet)
    latents = ensemble.average(ensemble.features).numpy()
    readout = fit_readout(latents, noise.labels.values)
    decoded = latents @ readout.matrix + readout.bias
    assert r2_score(noise.labels.values, decoded) < 0.2


def test_too_few_trials_have_no_witness() -> None:
    few = reaches(n_trials=20).split.train
    ensemble, validation_r2 = train_ensemble(few, TrainSettings(steps=10), BIN_NS, CPU, quiet)
    assert validation_r2 is None
    assert len(ensemble.left_out) == 1


def test_a_single_encoder_learns_to_withstand_faults() -> None:
    few = reaches(n_trials=20).split.train
    settings = TrainSettings(
        steps=10,
        ensemble=EnsembleSettings(distillation_steps=10),
        faults=FaultSettings(dead_channels=0.5),
    )
    parts: list[float] = []
    train_encoder(few, settings, BIN_NS, CPU, lambda part, _: parts.append(part))
    assert len(parts) == 20


def test_the_bumps_of_the_basis_have_unit_norm_and_cover_every_bin() -> None:
    basis = temporal_basis(16, 8)
    np.testing.assert_allclose(np.linalg.norm(basis, axis=0), 1)
    assert (basis.sum(axis=1) > 0.1).all()
    np.testing.assert_array_equal(temporal_basis(5, 8), np.eye(5))


def test_the_readout_is_the_least_squares_one(rng: np.random.Generator) -> None:
    latents = rng.normal(size=(500, 3)).astype(np.float32)
    matrix, bias = rng.normal(size=(3, 2)), np.array([1.0, -2.0])
    readout = fit_readout(latents, latents @ matrix + bias)
    np.testing.assert_allclose(readout.matrix, matrix, rtol=1e-4)
    np.testing.assert_allclose(readout.bias, bias, rtol=1e-4)


def test_a_constant_latent_does_not_break_the_readout(rng: np.random.Generator) -> None:
    latents = np.c_[rng.normal(size=100), np.ones(100), np.ones(100)].astype(np.float32)
    readout = fit_readout(latents, np.c_[2.0 * latents[:, 0], latents[:, 0]])
    assert np.isfinite(readout.matrix).all()
    assert readout.matrix[0, 0] == pytest.approx(2.0, rel=1e-4)


def test_held_out_trials_without_kinematics_are_refused(small_session: Session) -> None:
    whole = small_session.behaviour
    early = whole.time_ns < small_session.trials.start_ns[10]
    cut = replace(small_session, behaviour=Behaviour(whole.time_ns[early], whole.values[early]))
    with pytest.raises(SessionError, match="no behaviour in its held-out trials"):
        train_bundle(cut, quick_settings(steps=10), CPU, quiet)


def test_a_training_that_diverges_says_so(small_session: Session) -> None:
    settings = quick_settings(steps=200, batch=16, learning_rate=1e30)
    with pytest.raises(ConfigError, match="diverged, lower learning_rate = 1e\\+30"):
        train_bundle(small_session, settings, CPU, quiet)


def test_the_shortest_training_runs_and_what_the_session_lacks_is_told(
    small_session: Session,
) -> None:
    told: list[str] = []
    trained = train_bundle(
        small_session, quick_settings(steps=10, batch=8, **SMALL_NETWORK), CPU, quiet, told.append
    )
    assert any("12 training trials are few" in warning for warning in told)
    assert np.isfinite(trained.bundle.manifest.scores.r2)


def test_positions_begin_each_trial_at_zero(small_bundle: Bundle, small_session: Session) -> None:
    hop_ns = small_bundle.manifest.window.hop_ns
    whole = compare(decode_session(small_bundle.model, small_session), small_session, hop_ns)
    path_cm = whole.decoded_path()
    for trial in range(16):
        rows = whole.labels.trial == trial
        steps_cm = whole.decoded[rows] * 0.01
        np.testing.assert_allclose(path_cm[rows], np.cumsum(steps_cm, axis=0), atol=1e-9)
    with pytest.raises(SessionError, match="nothing to score"):
        only_trials(whole, 16, 20, history_ns=0)


def test_a_session_of_other_channels_is_refused(
    small_bundle: Bundle, small_session: Session
) -> None:
    renamed = replace(small_session, channel_ids=tuple(f"other{k}" for k in range(96)))
    with pytest.raises(SessionError, match=r"has channels 'other0'.*trained on 'elec001'"):
        decode_session(small_bundle.model, renamed)


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="--device nonsense.*use --device cpu"):
        pick_device("nonsense")


def test_features_of_a_long_recording_are_made_when_asked_for(
    small_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = split_session(small_session, quick_settings()).train
    network = EncoderNetwork(dataset, quick_settings())
    kept = Features(network, dataset)
    monkeypatch.setattr(features, "_MOST_KEPT_BYTES", 0)
    made = Features(network, dataset)
    rows = np.array([[5, 3], [700, 0]])
    torch.testing.assert_close(made[rows], kept[rows])
    for one, other in zip(made.split(300), kept.split(300), strict=True):
        torch.testing.assert_close(one, other)
    assert len(made) == len(kept) == len(dataset.labels)


def test_one_session_from_two_formats_trains_one_decoder_to_the_last_bit(tmp_path: Path) -> None:
    """All that training takes is compared for every format in data/test_one_session_...py."""
    pytest.importorskip("pyxdf")
    settings = TrainSettings(
        steps=10, batch=16, hidden_units=(8, 8), ensemble=EnsembleSettings(members=1),
        window=WindowSettings(hop_ms=50, bin_ms=50, history_bins=4), temporal_basis=2,
    )  # fmt: skip
    ours, theirs = (
        train_bundle(stored(tmp_path), settings, CPU, quiet).bundle
        for stored in (one_session.npz, one_session.recorded(-1000))
    )
    assert ours.encoder_onnx == theirs.encoder_onnx
    assert ours.scores == theirs.scores
    np.testing.assert_array_equal(ours.golden.latents, theirs.golden.latents)
