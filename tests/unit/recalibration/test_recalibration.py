"""Recalibration: what was meant in a block, and decoders that are fitted to it and follow it."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from drivers.simulated.session import ArraySettings, TaskSettings, simulate_session
from offline_training.closed_loop.encoder import recalibrate_encoder
from offline_training.closed_loop.refinement import network_of
from offline_training.ner.export.counts_encoder import counts_encoder
from offline_training.ner.networks.encoder_network import embed
from offline_training.ner.readouts.class_readout import carried_classifier
from offline_training.settings import NormalisationSettings
from offline_training.training import train_bundle
from rt_ner.bundle.assembly import assemble_bundle
from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.entries.reaching_entry import ReachingEntry
from rt_ner.bundle.manifest import Scores, TrainingEntry
from rt_ner.bundle.storage import load_bundle, save_bundle
from rt_ner.bundle.verification import run_windows
from rt_ner.core.errors import SessionError
from rt_ner.data.session.session import Session
from rt_ner.decoding.readouts.classifier import Classifier
from rt_ner.decoding.readouts.readout import Readout, fit_readout
from rt_ner.decoding.specification import DecoderSpecification
from rt_ner.decoding.windows import WindowShape
from rt_ner.offline.dataset import build_dataset
from rt_ner.offline.decoding import decode_session
from rt_ner.offline.labels import Labels
from rt_ner.offline.scores import Comparison
from rt_ner.recalibration.block_file import load_block, save_block
from rt_ner.recalibration.intention.labels import mean_angle_deg
from rt_ner.recalibration.learning import recalibrate
from rt_ner.recalibration.readouts.adaptation import (
    FARTHEST,
    RecursiveLeastSquares,
    SmoothBatch,
    bounded,
)
from rt_ner.recalibration.readouts.own_decoding import doubt_on
from rt_ner.recalibration.readouts.refit import compared, intended_session, recalibrate_readout
from rt_ner.recalibration.readouts.stepwise import with_readout
from rt_ner.recalibration.use import Use
from rt_ner.terminal.progress import no_progress
from tests.helpers.blocks import HOP_NS, used
from tests.helpers.classes import classifying_bundle
from tests.helpers.sessions import SMALL_NETWORK, quick_settings

pytestmark = pytest.mark.usefixtures("without_report")


def test_a_turned_world_is_learned_and_the_speed_stays(
    small_bundle: Bundle, small_session: Session
) -> None:
    """The subject aims elsewhere than the decoder decodes: the refitted readout turns with it."""
    found = recalibrate_readout(
        Use((used(small_bundle, small_session, 90.0, gain=1.7),)), small_bundle
    )
    assert found.is_better
    assert found.in_use_deg > found.refitted_deg + 30.0
    refitted = found.trained.bundle
    assert refitted.encoder_onnx == small_bundle.encoder_onnx
    assert refitted.manifest.training.area == small_bundle.manifest.training.area
    # The operator's gain is on top of the readout, and so no part of it.
    speeds = [
        np.sqrt(np.square(decode_session(bundle.model, small_session).values).mean())
        for bundle in (small_bundle, refitted)
    ]
    assert speeds[1] == pytest.approx(speeds[0], rel=0.25)


def counting_bundle(session: Session) -> Bundle:
    """A bundle whose latents are the newest bin's counts, with a random readout."""
    rng = np.random.default_rng(0)
    n_channels = len(session.channel_ids)
    model = DecoderSpecification(
        session.channel_ids,
        WindowShape(hop_ns=HOP_NS, bin_ns=3 * HOP_NS, history_bins=2),
        counts_encoder(2, n_channels),
        Readout(rng.normal(size=(n_channels, 2)), np.zeros(2)),
    )
    training = TrainingEntry(
        session="x",
        session_sha256="0" * 64,
        area="M1",
        n_train_trials=1,
        n_test_trials=1,
        settings={"seed": 0, "held_out": 0.2},
    )
    scores = Scores(r2=0, path_r2=0, train_r2=0, shuffled_r2=0)
    return assemble_bundle(model, rng.poisson(1.0, (4, 2, n_channels)), training, scores)


def test_the_refit_gives_the_numbers_that_it_gave_with_the_trainers_packages() -> None:
    """Values of version 0.1, in which the refit was a part of the trainer."""
    session = simulate_session(3, TaskSettings(n_trials=16), ArraySettings())
    bundle = counting_bundle(session)
    found = recalibrate_readout(Use((used(bundle, session, 60.0, gain=1.7),)), bundle)
    manifest = found.trained.bundle.manifest
    angles = (found.in_use_deg, found.refitted_deg)
    assert angles == pytest.approx((88.96188953467734, 22.94911085491172), rel=1e-5)
    assert np.abs(manifest.readout.matrix).sum() == pytest.approx(92.34486865182487, rel=1e-5)
    assert manifest.readout.bias == pytest.approx((4.519071396612792, -7.555267805926719), rel=1e-5)
    assert manifest.scores.model_dump() == {
        "r2": pytest.approx(0.06681581253367219, rel=1e-4),
        "path_r2": pytest.approx(0.8470357364865231, rel=1e-4),
        "train_r2": pytest.approx(0.3323458592402283, rel=1e-4),
        "validation_r2": None,
        "shuffled_r2": pytest.approx(-1.9336502795966655, rel=1e-4),
    }


def test_a_filter_stays_a_filter(small_bundle: Bundle, small_session: Session) -> None:
    smooth = with_readout(small_bundle, replace_memory(small_bundle.model.readout))
    found = recalibrate_readout(Use((used(smooth, small_session, 45.0),)), smooth)
    assert found.trained.bundle.model.readout.memory.any()


def replace_memory(readout: Readout) -> Readout:
    return Readout(readout.matrix / 2, readout.bias / 2, memory=np.eye(2) / 2)


def test_an_encoder_learns_on_when_electrodes_have_moved(
    small_bundle: Bundle, small_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A third of the electrodes in another order: learned from use alone, near what was known."""
    monkeypatch.setattr("offline_training.closed_loop.encoder.USUAL_STEPS", 100)
    played = used(small_bundle, small_session)
    order = np.arange(played.counts.shape[1])
    order[:32] = np.random.default_rng(0).permutation(32)
    parts: list[float] = []
    found = recalibrate_encoder(
        Use((replace(played, counts=played.counts[:, order]),)), small_bundle, parts.append
    )
    assert found.is_better
    recalibrated = found.trained.bundle
    assert recalibrated.manifest.window == small_bundle.manifest.window
    assert recalibrated.model.readout.matrix.tolist() == small_bundle.model.readout.matrix.tolist()
    assert parts == sorted(parts)
    assert parts[-1] == pytest.approx(1.0)


def test_a_classifier_is_carried_over_to_other_latents_without_labels() -> None:
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(400, 3)).astype(np.float32)
    turned = (latents @ rng.normal(size=(3, 3)) + 1.0).astype(np.float32)
    for names in (("0", "1"), ("rest", "left", "right")):
        earlier = Classifier(rng.normal(size=(9, len(names))), np.zeros(len(names)), names, "x")
        carried = carried_classifier(earlier, latents, turned)
        assert (carried.classes, carried.of) == (names, "x")
        likely = earlier.classify_all(latents), carried.classify_all(turned)
        np.testing.assert_allclose(likely[0], likely[1], atol=0.02)


def test_a_class_that_never_occurs_can_not_be_carried_over() -> None:
    latents = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    earlier = Classifier(np.zeros((9, 2)), np.array([9.0, 0.0]), ("0", "1"), "click")
    with pytest.raises(SessionError, match="decides for 1 nowhere in the reaches"):
        carried_classifier(earlier, latents, latents)


def test_an_encoder_keeps_its_normalisation_and_its_classes_and_a_filter_stays_one(
    small_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its classes, a swap or the decoder's next start would take the clicks away."""
    monkeypatch.setattr("offline_training.closed_loop.encoder.USUAL_STEPS", 5)
    settings = quick_settings(
        normalisation=NormalisationSettings(use="on", update_s=2.0),
        readout="kalman",
        **SMALL_NETWORK,
    )
    trained = train_bundle(small_session, settings, torch.device("cpu"), no_progress).bundle
    bundle = classifying_bundle(trained)
    use = Use((used(bundle, small_session),))
    found = recalibrate_encoder(use, bundle, lambda _: None)
    model = found.trained.bundle.model
    assert model.normalisation is not None
    assert bundle.model.normalisation is not None
    assert model.normalisation.pace == bundle.model.normalisation.pace
    assert model.readout.memory.any()
    assert model.readout.outputs == bundle.model.readout.outputs
    assert found.trained.bundle.encoder_onnx != bundle.encoder_onnx
    assert model.classes == bundle.model.classes
    told = re.fullmatch(
        r"on held-out reaches, the classifier of choice .* in (\d+) % of .*", found.notice
    )
    assert told
    assert int(told[1]) >= 90
    monkeypatch.setattr("rt_ner.recalibration.readouts.refit._LEAST_AGREED", 1.01)
    with pytest.raises(SessionError, match=r"too seldom to take its place: .*--part readout"):
        compared(found.trained, intended_session(use, bundle), bundle.model)


def test_before_it_learns_the_network_is_the_encoder_in_use(
    small_bundle: Bundle, small_session: Session
) -> None:
    model, settings = small_bundle.model, quick_settings()
    dataset = build_dataset(small_session, model.window)
    assert model.weights
    network = network_of(model, model.weights, dataset, settings)
    expected, _ = run_windows(model, dataset.windows.astype(np.float32))
    np.testing.assert_allclose(embed(network, dataset), expected, atol=1e-4)


def test_an_encoder_of_unit_vectors_is_refused(
    small_bundle: Bundle, small_session: Session
) -> None:
    without = replace(small_bundle, weights=None)
    with pytest.raises(SessionError, match="recalibrate --part readout"):
        recalibrate_encoder(Use((used(small_bundle, small_session),)), without, lambda _: None)


REACHING = ReachingEntry(
    delay_s=0.02, approach_s=0.3, max_speed_cm_s=40.0, build_up_s=0.02, explained=0.9
)


def test_from_python_a_bundle_comes_back_that_knows_how_the_subject_reaches(
    small_bundle: Bundle, small_session: Session
) -> None:
    knowing = small_bundle.with_reaching(REACHING)
    better = recalibrate(knowing, used(small_bundle, small_session, 90.0), part="readout")
    assert better.encoder_onnx == small_bundle.encoder_onnx
    assert better.manifest.training.session == "closed-loop"
    assert better.manifest.reaching == REACHING


def test_from_python_too_little_to_tell_the_intention_is_a_warning(
    small_bundle: Bundle, small_session: Session
) -> None:
    """The target of these blocks is wherever the hand goes, so no reach can be told."""
    played = used(small_bundle, small_session, 90.0)
    poor = small_bundle.with_reaching(REACHING.model_copy(update={"explained": 0.1}))
    with pytest.warns(UserWarning, match="explains only 10 %.*: ReFIT.*block of better"):
        better = recalibrate(poor, played, part="readout")
    expected = recalibrate_readout(Use((played,)), small_bundle).trained.bundle
    assert better.manifest.readout == expected.manifest.readout
    assert better.manifest.reaching == poor.manifest.reaching
    with pytest.raises(ValueError, match="'nothing' is not a valid Part"):
        recalibrate(poor, played, part="nothing")


def test_a_block_of_another_decoder_is_doubted(
    small_bundle: Bundle, small_session: Session
) -> None:
    """The same decoder is known by its velocities, whatever gain, hold or swap came in between."""
    played = used(small_bundle, small_session)
    n = len(played.counts)
    sent = played.decoded_cm_s.copy()
    sent[: n // 4] = np.random.default_rng(0).normal(size=(n // 4, 2))
    sent[n // 4 : n // 3] = 0.0
    sent[n // 3 : n // 2] *= 0.5
    assert doubt_on(replace(played, decoded_cm_s=1.3 * sent), small_bundle.model) == ""
    turned = replace(small_bundle.model, readout=replace_matrix(small_bundle.model.readout))
    assert "not the decoder in use in the newest block: the correlation" in doubt_on(played, turned)
    nothing = replace(played, decoded_cm_s=np.full((n, 2), np.nan))
    assert doubt_on(nothing, small_bundle.model) == "", "refused elsewhere, with the reason"


def replace_matrix(readout: Readout) -> Readout:
    return Readout(readout.matrix[:, ::-1].copy(), readout.bias[::-1].copy(), readout.outputs)


def test_too_few_reaches_are_refused(small_bundle: Bundle, small_session: Session) -> None:
    played = used(small_bundle, small_session)
    short = played.until(int(small_session.trials.end_ns[4]))
    with pytest.raises(SessionError, match="5 reaches: expected 10 or more"):
        recalibrate_readout(Use((short,)), small_bundle)


def test_a_block_is_kept_and_read_again(
    small_bundle: Bundle, small_session: Session, tmp_path: Path
) -> None:
    played = used(small_bundle, small_session)
    path = tmp_path / "folder" / "x.block.npz"
    save_block(played, path)
    again = load_block(path)
    for name, value in vars(played).items():
        np.testing.assert_array_equal(getattr(again, name), value)


@pytest.mark.parametrize("content", [b"", b"no block", None])
def test_what_is_no_block_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SessionError, match="x.npz"):
        load_block(path)


def test_a_session_is_no_block(small_session_file: Path) -> None:
    with pytest.raises(SessionError, match="is not a block"):
        load_block(small_session_file)


def test_angles_count_where_something_was_meant() -> None:
    intended = np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    decoded = np.array([[3.0, 0.0], [5.0, 0.0], [1.0, 1.0]])
    labels = Labels(np.arange(3), intended, np.zeros(3), np.zeros(3, dtype=np.int64))
    comparison = Comparison(labels, np.zeros((3, 0), dtype=np.float32), decoded, HOP_NS)
    assert mean_angle_deg(comparison) == pytest.approx(45.0)


HALF_LIFE_S, HOP_S = 10.0, 0.01


def stretches(rng: np.random.Generator, n: int) -> list[tuple[np.ndarray, np.ndarray]]:
    truth = rng.normal(size=(3, 2))
    made = [rng.normal(size=(60, 3)).astype(np.float32) for _ in range(n)]
    return [(z, z @ truth + rng.normal(scale=0.1, size=(60, 2))) for z in made]


@given(st.integers(0, 2**32 - 1))
def test_recursive_least_squares_is_weighted_least_squares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = Readout(rng.normal(size=(3, 2)), rng.normal(size=2))
    adapter = RecursiveLeastSquares(first, HOP_S, HALF_LIFE_S)
    parts = stretches(rng, 3)
    for latents, intended in parts:
        adapted = adapter.take(latents, intended)
    # Literally: all use so far, each hop weighted by its age, the first readout as use before.
    before = np.column_stack([parts[0][0], np.ones(60)]).astype(np.float64)
    inputs = np.concatenate([before, *(np.column_stack([z, np.ones(60)]) for z, _ in parts)])
    outputs = np.concatenate(
        [before @ np.vstack([first.matrix, first.bias]), *(meant for _, meant in parts)]
    )
    weight = 0.5 ** (np.arange(180)[::-1] * HOP_S / HALF_LIFE_S)
    weight = np.concatenate([np.full(60, 2000 / 60 * 0.5 ** (180 * HOP_S / HALF_LIFE_S)), weight])
    root = np.sqrt(weight)[:, None]
    solved = np.linalg.lstsq(root * inputs, root * outputs, rcond=None)[0]
    np.testing.assert_allclose(adapted.matrix, solved[:-1], atol=1e-4)
    np.testing.assert_allclose(adapted.bias, solved[-1], atol=1e-4)


def test_smooth_batch_mixes_old_and_new(rng: np.random.Generator) -> None:
    first = Readout(rng.normal(size=(3, 2)), rng.normal(size=2))
    adapter = SmoothBatch(first, HOP_S, half_life_s=0.6)
    ((latents, intended),) = stretches(rng, 1)
    adapted, alone = adapter.take(latents, intended), fit_readout(latents, intended)
    np.testing.assert_allclose(adapted.matrix, (alone.matrix + first.matrix) / 2)
    np.testing.assert_allclose(adapted.bias, (alone.bias + first.bias) / 2)


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 30.0))
def test_adaptation_is_bounded(seed: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    first = Readout(rng.normal(size=(3, 2)), rng.normal(size=2))
    wild = Readout(first.matrix + size * rng.normal(size=(3, 2)), size * rng.normal(size=2))
    latents = rng.normal(size=(80, 3)).astype(np.float32)
    kept, was_held_back = bounded(wild, first, latents)
    was, now = (latents @ each.matrix + each.bias for each in (first, kept))
    distance = np.sqrt(np.square(now - was).sum() / np.square(was).sum())
    assert distance <= FARTHEST + 1e-6
    assert was_held_back == (distance == pytest.approx(FARTHEST))
    if not was_held_back:
        assert np.square(now).sum() == pytest.approx(np.square(was).sum(), rel=1e-4)


def test_an_adapted_bundle_is_proven_and_says_so(small_bundle: Bundle, tmp_path: Path) -> None:
    readout = small_bundle.model.readout
    adapted = with_readout(small_bundle, Readout(2 * readout.matrix, readout.bias))
    save_bundle(with_readout(adapted, adapted.model.readout), tmp_path / "next", {}, True)
    loaded = load_bundle(tmp_path / "next")
    assert loaded.manifest.training.session == f"{small_bundle.manifest.training.session} (adapted)"
    np.testing.assert_allclose(loaded.model.readout.matrix, 2 * readout.matrix)
