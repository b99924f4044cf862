"""The closed loop: recordings, intended velocity, the Kalman reference, readouts with memory."""

from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offline_training.closed_loop.block_run import HAND, BlockPlan, run_block
from offline_training.ner.export.counts_encoder import counts_encoder
from offline_training.ner.readouts.kalman_readout import fit_kalman
from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.verification import run_windows
from rt_ner.core.contract.kinds import TARGET_LABELS, Kind
from rt_ner.data.session.session import Session
from rt_ner.decoding.decoder import DecoderSpecification
from rt_ner.decoding.readout import Readout
from rt_ner.decoding.windows import WindowShape
from rt_ner.live.learning.block_recorder import BlockRecorder
from rt_ner.lsl.streams import open_outlet
from rt_ner.offline.dataset import Dataset
from rt_ner.offline.decoding import decode_session
from rt_ner.offline.labels import Labels
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.recalibration.intention import refit_labels
from rt_ner.recalibration.readouts.refit import as_fast
from tests.helpers.rig import WAIT_S

HOP_NS = 10_000_000


def block(rng: np.random.Generator, n: int = 400) -> ClosedLoopBlock:
    """Reaches of a second to two targets, with a pause after each."""
    target = np.full((n, 3), np.nan)
    for start in range(0, n, 100):
        target[start : start + 80] = (6.0, 0.0, 1.5) if start % 200 else (0.0, -6.0, 1.5)
    known = np.isfinite(target[:, 0])
    begins = known & np.append(True, ~known[:-1])
    return ClosedLoopBlock(
        channel_ids=("a", "b"),
        hop_ns=HOP_NS,
        is_heard=np.ones(n, dtype=np.bool_),
        counts=rng.poisson(0.3, size=(n, 2)),
        hand_cm_s=rng.normal(size=(n, 2)),
        decoded_cm_s=rng.normal(size=(n, 2)),
        cursor_cm=rng.normal(size=(n, 2)),
        target=target,
        reach=np.where(known, np.cumsum(begins) - 1, -1),
    )


def test_intended_velocity_points_to_the_target_as_fast_as_decoded(
    rng: np.random.Generator,
) -> None:
    played = block(rng)
    played.cursor_cm[10] = played.target[10, :2] + [0.5, 0.0]
    labels, known = refit_labels(played)
    assert known.tolist() == np.isfinite(played.target[:, 0]).tolist()
    assert labels[10].tolist() == [0.0, 0.0]
    for hop in (0, 50, 130):
        way = played.target[hop, :2] - played.cursor_cm[hop]
        assert way[0] * labels[hop][1] == pytest.approx(way[1] * labels[hop][0])
        assert way @ labels[hop] > 0
        assert np.hypot(*labels[hop]) == pytest.approx(np.hypot(*played.decoded_cm_s[hop]))


def test_a_block_becomes_a_session_of_its_reaches(rng: np.random.Generator) -> None:
    played = block(rng)
    labels, known = refit_labels(played)
    session = played.session("test", labels, known)
    assert len(session.trials) == 4
    assert (session.trials.start_ns // HOP_NS).tolist() == [0, 100, 200, 300]
    assert (session.trials.end_ns // HOP_NS).tolist() == [80, 180, 280, 380]
    velocity, at = session.kinematics.at(np.array([50, 90]) * HOP_NS)
    assert at.tolist() == [True, False], "nothing was meant between trials"
    np.testing.assert_array_equal(velocity[0], labels[49])


def walk(rng: np.random.Generator, n: int, n_channels: int) -> Dataset:
    velocity = np.zeros((n, 2))
    for k in range(1, n):
        velocity[k] = 0.95 * velocity[k - 1] + rng.normal(size=2)
    rates = np.exp(0.5 + velocity @ rng.normal(0, 0.1, size=(2, n_channels)))
    labels = Labels((np.arange(n) + 1) * HOP_NS, velocity, np.zeros(n), np.zeros(n, dtype=np.int64))
    return Dataset(rng.poisson(rates)[:, None], labels)


def test_the_steady_filter_is_what_the_filter_comes_to(rng: np.random.Generator) -> None:
    train = walk(rng, 3000, 6)
    readout = fit_kalman(train.windows[:, 0], train.labels, HOP_NS, is_white=True)
    counts, x = train.windows[:, 0], train.labels.velocity_cm_s
    dynamics = np.linalg.lstsq(x[:-1], x[1:], rcond=None)[0].T
    wander = np.cov((x[1:] - x[:-1] @ dynamics.T).T)
    centred, moved = counts - counts.mean(axis=0), x - x.mean(axis=0)
    tuning = np.linalg.lstsq(moved, centred, rcond=None)[0].T
    noise = np.cov((centred - moved @ tuning.T).T)
    noise += np.eye(6) * 1e-3 * np.trace(noise) / 6
    state, cov = np.zeros(2), np.eye(2)
    velocity = np.zeros(2, dtype=np.float32)
    errors = []
    for z in centred[:400]:
        state, cov = dynamics @ state, dynamics @ cov @ dynamics.T + wander
        gain = cov @ tuning.T @ np.linalg.inv(tuning @ cov @ tuning.T + noise)
        state, cov = state + gain @ (z - tuning @ state), (np.eye(2) - gain @ tuning) @ cov
        readout.decode((z + counts.mean(axis=0)).astype(np.float32), velocity)
        errors.append(velocity - (state + x.mean(axis=0)))
    np.testing.assert_allclose(errors[200:], 0.0, atol=1e-3)


def test_a_refitted_readout_is_as_fast_as_the_one_in_use(rng: np.random.Generator) -> None:
    latents = rng.normal(size=(500, 3)).astype(np.float32)
    in_use = (latents @ rng.normal(size=(3, 2)) * 7).astype(np.float32)
    slow = Readout(rng.normal(size=(3, 2)), np.zeros(2))
    scaled = as_fast(slow, latents, in_use)
    speeds = [np.square(v).sum() for v in (latents @ scaled.matrix + scaled.bias, in_use)]
    assert speeds[0] == pytest.approx(speeds[1], rel=1e-5)
    np.testing.assert_allclose(scaled.matrix / slow.matrix, scaled.matrix[0, 0] / slow.matrix[0, 0])


def test_the_counts_encoder_gives_the_newest_bin(rng: np.random.Generator) -> None:
    windows = rng.poisson(2.0, size=(5, 3, 4)).astype(np.float32)
    model = DecoderSpecification(
        ("a", "b", "c", "d"),
        WindowShape(hop_ns=HOP_NS, bin_ns=HOP_NS, history_bins=3),
        counts_encoder(3, 4),
        Readout(np.zeros((4, 2)), np.zeros(2)),
    )
    latents, _ = run_windows(model, windows)
    np.testing.assert_allclose(latents, windows[:, -1], rtol=1e-6)


@given(st.integers(0, 2**32 - 1))
def test_a_readout_with_memory_is_its_formula_and_without_a_linear_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, bias, memory = rng.normal(size=(3, 2)), rng.normal(size=2), rng.normal(size=(2, 2)) / 3
    latents = rng.normal(size=(20, 3)).astype(np.float32)
    for kept in (None, memory):
        readout = Readout(matrix, bias, memory=kept)
        velocity, expected = np.zeros(2, dtype=np.float32), np.zeros(2)
        for latent in latents:
            assert readout.decode(latent, velocity)
            expected = latent @ matrix + bias + (0.0 if kept is None else expected @ kept)
            np.testing.assert_allclose(velocity, expected, atol=1e-4)
    assert not readout.decode(np.array([np.nan, 0, 0], dtype=np.float32), velocity)
    assert velocity.tolist() == [0.0, 0.0]


def test_a_decoder_that_remembers_decodes_like_one_that_smooths(
    small_bundle: Bundle, small_session: Session
) -> None:
    plain = small_bundle.model
    half = plain.readout
    smooth = replace(plain, readout=Readout(half.matrix / 2, half.bias / 2, memory=np.eye(2) / 2))
    expected = np.zeros(2)
    direct = decode_session(plain, small_session).velocity_cm_s
    for row, velocity in zip(
        direct, decode_session(smooth, small_session).velocity_cm_s, strict=True
    ):
        expected = (expected + row) / 2
        np.testing.assert_allclose(velocity, expected, atol=1e-3)


def test_a_filter_trusts_noise_that_repeats_itself_less(rng: np.random.Generator) -> None:
    train = walk(rng, 3000, 6)
    counts = train.windows[:, 0].astype(np.float64)
    smooth = np.stack([np.convolve(unit, np.ones(8) / 8, "same") for unit in counts.T], axis=1)
    white, coloured = (
        fit_kalman(smooth, train.labels, HOP_NS, is_white=is_white) for is_white in (True, False)
    )
    assert (
        np.abs(np.linalg.eigvals(coloured.memory)).min()
        > np.abs(np.linalg.eigvals(white.memory)).min()
    ), "it remembers for longer"


def test_counts_that_were_not_heard_spoil_what_comes_after_them(rng: np.random.Generator) -> None:
    played = block(rng)
    is_heard = played.is_heard.copy()
    is_heard[150] = False
    whole, broken = (
        replace(played, is_heard=heard).session("test", *refit_labels(played))
        for heard in (played.is_heard, is_heard)
    )
    at = (np.array([149, 150, 200, 250, 252]) + 1) * HOP_NS
    assert whole.kinematics.at(at)[1].tolist() == [True, True, True, True, True]
    assert broken.kinematics.at(at)[1].tolist() == [True, False, False, False, True]


def test_a_block_can_be_ended_earlier(rng: np.random.Generator) -> None:
    played = block(rng)
    early = played.until(2_000_000_000)
    assert len(early.counts) == len(early.reach) == 200
    assert (played.n_reaches, early.n_reaches) == (4, 2)


def test_a_subject_reaches_targets_with_its_own_hand_and_all_is_recorded(tmp_path: Path) -> None:
    plan = BlockPlan("test", 3, HAND, ("--seed", "1"), speed=2.0)
    parts: list[float] = []
    scores, played = run_block(plan, tmp_path / "block", parts.append)
    assert scores["trials"] == 3
    assert scores["success_rate"] == 1.0
    assert parts[-1] == 1.0
    assert len(played.channel_ids) == played.counts.shape[1] == 96
    assert 5.0 < played.counts.mean() * 100 < 100.0, "spikes a second and channel"
    # The hand moved the cursor.
    begins = int(np.argmax(played.reach >= 0))
    moved = np.cumsum(played.hand_cm_s[begins:], axis=0) * 0.01
    cursor = played.cursor_cm[begins:] - played.cursor_cm[begins]
    # On a busy machine the cursor lags while it moves; where it comes to rest is what counts.
    assert np.abs(moved - cursor)[-5:].max() < 1.0, "over some 30 cm"
    assert np.median(np.abs(moved - cursor)) < 1.0
    session = played.session("test", played.hand_cm_s, np.ones(len(played.counts), dtype=np.bool_))
    assert len(session.trials) >= 3


def test_a_target_that_is_heard_before_the_cursor_is_no_reach_yet(source_id: str) -> None:
    subject, task = f"subject-{source_id}", f"task-{source_id}"
    spikes = open_outlet(subject, Kind.SPIKES, ["a"], "spikes", 1_000_000)
    hand = open_outlet(subject, Kind.KINEMATICS, ["vx", "vy"], "cm/s", None)
    cursor = open_outlet(task, Kind.CURSOR, ["x", "y"], "cm", None)
    target = open_outlet(task, Kind.TARGET, TARGET_LABELS, "cm", None)
    recorder = BlockRecorder(task, subject=subject)
    for outlet in (spikes, hand, cursor, target):
        assert outlet.wait_for_consumers(WAIT_S)
    for k in range(1, 1001):
        at_s = 6000.0 + k / 1000
        spikes.push_sample([k % 2], at_s)
        hand.push_sample([1.0, 0.0], at_s)
        target.push_sample([8.0, 0.0, 1.5, 1.0], at_s)
        if k > 200:
            cursor.push_sample([0.0, 0.0], at_s)
    pause, polls = Event(), 0
    sent = {Kind.CURSOR: 800, Kind.SPIKES: 1000, Kind.KINEMATICS: 1000, Kind.TARGET: 1000}
    while any(sum(len(at) for at, _ in recorder._rows[kind]) < n for kind, n in sent.items()):
        recorder.poll()
        polls += 1
        assert not pause.wait(0.01)
        assert polls < 100 * WAIT_S
    played = recorder.close()
    assert played.counts.sum() == 500
    assert (played.reach[:20] == -1).all()
    assert (played.reach[20:] == 0).all()
    session = played.session("test", played.hand_cm_s, np.ones(len(played.counts), dtype=np.bool_))
    assert session.trials.direction_deg.tolist() == [0.0]
