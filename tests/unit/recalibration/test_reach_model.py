"""The subject's intention is found from target and cursor, however badly the cursor obeyed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drivers.simulated.subject.neurons import made_up
from offline_training.closed_loop.in_process.simulation import (
    Reference,
    SimulatedBlock,
    simulate_block,
)
from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.storage import load_bundle
from rt_ner.core.arrays import FloatArray
from rt_ner.core.errors import SessionError
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.recalibration.choices import LabelMethod
from rt_ner.recalibration.intention.labels import refit_labels
from rt_ner.recalibration.intention.reach_model import (
    Answer,
    ReachModel,
    answer_of,
    fit_reach_model,
    intended_velocity,
    intended_with,
)
from rt_ner.recalibration.learning import good_reaching
from rt_ner.recalibration.use import Use, joined, reaching_in, use_of
from rt_ner.task.settings import TaskSettings

HOP_S = 0.01
TRUE = ReachModel(delay_s=0.16, approach_s=0.13, max_speed_cm_s=42.0, build_up_s=0.06)


@pytest.fixture(scope="module")
def calibration() -> SimulatedBlock:
    """Reaches of a simulated subject with its own hand."""
    neurons = made_up(np.random.default_rng(0), n_electrodes=4)
    return simulate_block(neurons, Reference.HAND, TaskSettings(trials=20), seed=1)


def obeying(block: ClosedLoopBlock, answer: Answer) -> ClosedLoopBlock:
    """The same targets, and a cursor that answers to the model's intention in this way."""
    delay = round(answer.delay_s / HOP_S)
    cursor, decoded = np.zeros_like(block.cursor_cm), np.zeros_like(block.cursor_cm)
    # Cursor and intention depend on each other. What is seen is old, so each round is right for
    # so many more hops.
    for _ in range(len(cursor) // round(TRUE.delay_s / HOP_S) + 2):
        played = replace(block, cursor_cm=cursor, decoded_cm_s=decoded)
        intended = intended_with(played, TRUE, answer)
        decoded = answer.gain * np.roll(intended, delay, axis=0)
        decoded[:delay] = 0.0
        cursor = np.cumsum(decoded, axis=0) * HOP_S
    return replace(played, hand_cm_s=np.full_like(cursor, np.nan))


def angle_deg(one: FloatArray, other: FloatArray, fastest_cm_s: float = 5.0) -> float:
    moves = np.hypot(*other.T) > fastest_cm_s
    norms = np.hypot(*one[moves].T) * np.hypot(*other[moves].T)
    cosine = (one[moves] * other[moves]).sum(axis=1) / np.maximum(norms, 1e-9)
    return float(np.rad2deg(np.arccos(cosine.clip(-1, 1))).mean())


def test_the_calibration_shows_how_the_subject_reaches(calibration: SimulatedBlock) -> None:
    model, explained = fit_reach_model(calibration.block)
    assert explained > 0.85
    assert model.max_speed_cm_s == pytest.approx(40.0, rel=0.15)
    assert model.approach_s == pytest.approx(0.12, rel=0.2)
    assert model.delay_s == pytest.approx(0.15, abs=0.04)


def test_the_intention_is_nearer_than_that_of_refit(calibration: SimulatedBlock) -> None:
    model, _ = fit_reach_model(calibration.block)
    found, known = intended_velocity(calibration.block, model)
    decoded = replace(calibration.block, decoded_cm_s=calibration.block.hand_cm_s)
    refit, _ = refit_labels(decoded)
    true = calibration.intended_cm_s[known]
    assert angle_deg(found[known], true) < 20.0
    assert angle_deg(found[known], true) < 0.6 * angle_deg(refit[known], true)


@pytest.mark.parametrize("answer", [Answer(0.03, 1.0), Answer(0.06, 0.5), Answer(0.0, 1.4)])
def test_how_the_cursor_answers_is_found_with_the_intention(
    calibration: SimulatedBlock, answer: Answer
) -> None:
    played = obeying(calibration.block, answer)
    true = intended_with(played, TRUE, answer)
    found, known = intended_velocity(played, TRUE)
    heard = answer_of(played, found)
    assert heard.delay_s == pytest.approx(answer.delay_s, abs=0.011)
    assert heard.gain == pytest.approx(answer.gain, rel=0.1)
    assert np.square(found - true)[known].sum() < 0.02 * np.square(true)[known].sum()


def test_no_target_no_intention(calibration: SimulatedBlock) -> None:
    block = calibration.block
    nowhere = replace(block, target=np.full_like(block.target, np.nan))
    found, known = intended_velocity(nowhere, TRUE)
    assert not known.any()
    assert not found.any()
    assert answer_of(nowhere, found) == Answer(0.0, 0.0)


def test_blocks_of_a_day_are_taken_together(calibration: SimulatedBlock) -> None:
    block = calibration.block
    both = joined((block, block))
    n = len(block.counts)
    assert both.n_reaches == 2 * block.n_reaches
    assert len(both.counts) == 2 * n + 1
    assert not both.is_heard[n]
    assert both.reach[n] == -1
    for name in ("counts", "cursor_cm", "target"):
        for part in (slice(n), slice(n + 1, None)):
            np.testing.assert_array_equal(getattr(both, name)[part], getattr(block, name))
    whole, labels, known = Use((block, block), TRUE).intended()
    assert whole.n_reaches == both.n_reaches
    np.testing.assert_array_equal(labels[:n], labels[n + 1 :])
    assert not known[n]
    with pytest.raises(SessionError, match="4 and 2 channels"):
        joined((block, replace(block, channel_ids=("a", "b"))))


def test_without_good_control_the_decoded_velocity_is_turned(calibration: SimulatedBlock) -> None:
    rng = np.random.default_rng(0)
    nonsense = 20 * rng.normal(size=calibration.block.cursor_cm.shape)
    lost = replace(
        calibration.block, decoded_cm_s=nonsense, hand_cm_s=np.full_like(nonsense, np.nan)
    )
    said: list[str] = []
    use = use_of((lost,), LabelMethod.REACH_MODEL, None, said.append)
    assert use.reach_model is None
    assert "ReFIT is used instead" in said[0]
    assert use_of((lost,), LabelMethod.REFIT, None, said.append).reach_model is None
    assert len(said) == 1


def test_good_control_shows_how_the_subject_reaches_and_a_bundle_keeps_it(
    calibration: SimulatedBlock, small_bundle: Bundle, tmp_path: Path
) -> None:
    shown = reaching_in(calibration.block)
    assert "reaching" not in small_bundle.manifest.model_dump(), "unless it is known"
    small_bundle.with_reaching(shown).save(tmp_path / "bundle")
    knowing = load_bundle(tmp_path / "bundle")
    assert good_reaching(knowing, None) == shown
    use = use_of((calibration.block,), LabelMethod.REACH_MODEL, shown, pytest.fail)
    assert use.is_speed_known
    assert use.reach_model == fit_reach_model(calibration.block)[0]
    # A block that is named goes before what the bundle keeps; without either, the use itself tells.
    faster = replace(calibration.block, hand_cm_s=2 * calibration.block.hand_cm_s)
    assert good_reaching(knowing, faster) == reaching_in(faster) != shown
    use = use_of((calibration.block,), LabelMethod.REACH_MODEL, None, pytest.fail)
    assert use.reaching == shown
    assert not use.is_speed_known


def test_where_nothing_moves_nothing_is_explained(calibration: SimulatedBlock) -> None:
    still = replace(calibration.block, hand_cm_s=np.zeros_like(calibration.block.hand_cm_s))
    assert fit_reach_model(still)[1] == 0.0
