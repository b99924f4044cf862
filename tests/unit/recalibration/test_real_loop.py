"""A real closed-loop recording as a block: intention, labelled trials, disturbed signals."""

from pathlib import Path

import numpy as np
import pytest

from offline_training.bench.real_loop.stabilized import (
    disturb,
    labelled_session,
    read_stabilized,
    trials_of,
)
from rt_ner.core.errors import SessionError
from rt_ner.recalibration.intention.labels import refit_labels


@pytest.fixture
def recording(rng: np.random.Generator, tmp_path: Path) -> Path:
    path = tmp_path / "recording.npz"
    np.savez(
        path,
        bin_s=0.045,
        counts=rng.poisson(3.0, size=(240, 96)).astype(np.uint8),
        cursor=np.tile([10.0, 20.0], (240, 1)),
        decoded_velocity=np.zeros((240, 2)),
        target=np.tile([110.0, 20.0], (12, 1)),
        trial_first_bin=np.arange(12) * 20,
        trial_type=np.repeat(["baselineEvaluation", "stabilizationEvaluation"], 6),
    )
    return path


def test_a_real_closed_loop_is_a_block_with_intention(recording: Path) -> None:
    block, kinds = read_stabilized(recording)
    assert repr(block) == "<ClosedLoopBlock: 96 channels, 12 reaches, 11 s>"
    assert block.hop_ns == 45_000_000
    labels, known = refit_labels(block)
    np.testing.assert_allclose(labels, np.tile([20.0, 0.0], (240, 1)))
    assert known.all()
    session = labelled_session(block, trials_of(kinds, "stabilizationEvaluation"))
    assert (session.trials.start_ns // 45_000_000).tolist() == list(range(120, 240, 20))
    assert session.behaviour.at(np.array([100, 130]) * 45_000_000)[1].tolist() == [False, True]


def test_other_files_and_kinds_are_refused(recording: Path, tmp_path: Path) -> None:
    _, kinds = read_stabilized(recording)
    with pytest.raises(SessionError, match="no 'gradualTrain' trials, only baselineEvaluation, s"):
        trials_of(kinds, "gradualTrain")
    with pytest.raises(SessionError, match="no such file"):
        read_stabilized(tmp_path / "nowhere.npz")
    np.savez(tmp_path / "other.npz", counts=np.zeros(3))
    with pytest.raises(SessionError, match="expected arrays"):
        read_stabilized(tmp_path / "other.npz")


def test_a_disturbance_moves_signals_from_one_trial_on(recording: Path) -> None:
    block, _ = read_stabilized(recording)
    disturbed = disturb(block, 6, seed=1)
    np.testing.assert_array_equal(disturbed.counts[:120], block.counts[:120])
    before, after = (each.counts[120:].astype(float) for each in (block, disturbed))
    silent = ~after.any(axis=0)
    assert silent.sum() == 5
    gain = after.mean(axis=0) / before.mean(axis=0)
    assert 0.3 < gain[~silent].min() < 0.6
    assert 1.4 < gain[~silent].max() < 1.75
    # Ten electrodes have another one's spikes.
    likeness = np.corrcoef(before.T, after.T[~silent])[:96, 96:]
    moved = np.argmax(likeness, axis=0) != np.flatnonzero(~silent)
    assert 8 <= moved.sum() <= 10
    assert (disturb(block, 6, seed=1).counts == disturbed.counts).all()
