"""A readout that is adapted step by step, and offered only if it decodes what it never learned."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.entries.reaching_entry import ReachingEntry
from rt_ner.core.errors import ConfigError
from rt_ner.data.session.session import Session
from rt_ner.decoding.readouts.readout import Readout
from rt_ner.live.learning.learners import StepByStep, Task
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.recalibration.block_file import save_block
from rt_ner.recalibration.choices import AdaptationMethod
from rt_ner.recalibration.intention.labels import refit_labels
from rt_ner.recalibration.intention.reach_model import intended_velocity
from rt_ner.recalibration.readouts.stepwise import StepwiseAdaptation, stretch_of, with_readout
from rt_ner.recalibration.use import model_of
from tests.helpers.blocks import used

SHORT_NS = 10_000_000_000
METHODS = [AdaptationMethod.RLS, AdaptationMethod.SMOOTH_BATCH]


@pytest.fixture(scope="module")
def turned(small_bundle: Bundle, small_session: Session) -> ClosedLoopBlock:
    """Use in which the subject aims elsewhere than is decoded."""
    return used(small_bundle, small_session, 30.0).until(SHORT_NS)


@pytest.mark.parametrize("method", METHODS)
def test_an_adapted_readout_is_offered_if_it_is_better_on_what_it_has_not_learned(
    small_bundle: Bundle,
    small_session: Session,
    turned: ClosedLoopBlock,
    method: AdaptationMethod,
) -> None:
    adaptation = StepwiseAdaptation(small_bundle, method, 20.0)
    first = adaptation.take(turned, small_bundle)
    assert first is not None
    assert first.adapted is None, "nothing was learned before"
    second = adaptation.take(turned, small_bundle)
    assert second is not None
    assert second.adapted is not None
    assert second.adapted_deg < second.in_use_deg - 2.0
    assert second.adapted.encoder_onnx == small_bundle.encoder_onnx
    # Now the subject aims the other way: the adapted one is worse.
    third = adaptation.take(used(small_bundle, small_session, -90.0).until(SHORT_NS), small_bundle)
    assert third is not None
    assert third.adapted is None
    assert third.adapted_deg > third.in_use_deg


def test_after_an_undo_what_was_learned_since_is_forgotten(
    small_bundle: Bundle, turned: ClosedLoopBlock, tmp_path: Path
) -> None:
    small_bundle.save(tmp_path / "first")
    save_block(turned, tmp_path / "block.npz")
    learner = StepByStep(StepwiseAdaptation(small_bundle, AdaptationMethod.RLS, 20.0))

    def learn(in_use: str, out: str) -> str:
        learner.begin(Task((tmp_path / "block.npz",), tmp_path / in_use, tmp_path / out))
        outcome = learner.outcome()
        assert outcome is not None
        assert outcome.is_better == (tmp_path / out).exists()
        assert learner.outcome() is None
        return outcome.text

    assert "nan" not in learn("first", "none")
    learn("first", "second")
    assert (tmp_path / "second").exists()
    learn("second", "third")
    before = learn("first", "fourth")
    assert not (tmp_path / "fourth").exists(), "nothing is known since the first readout"
    assert "nan" not in before


def test_a_bundle_that_knows_how_the_subject_reaches_tells_the_intention(
    small_bundle: Bundle, turned: ClosedLoopBlock
) -> None:
    reaching = ReachingEntry(
        delay_s=0.02, approach_s=0.3, max_speed_cm_s=40.0, build_up_s=0.02, explained=0.9
    )
    knowing = small_bundle.with_reaching(reaching)
    rows = [int(end_ns) // turned.hop_ns - 1 for end_ns in _labels(turned, knowing)[0]]
    expected, _ = intended_velocity(turned, model_of(reaching))
    np.testing.assert_allclose(_labels(turned, knowing)[1], expected[rows])
    poor = small_bundle.with_reaching(reaching.model_copy(update={"explained": 0.1}))
    ends_ns, labels = _labels(turned, poor)
    rows = [int(end_ns) // turned.hop_ns - 1 for end_ns in ends_ns]
    np.testing.assert_allclose(labels, refit_labels(turned)[0][rows])


def _labels(block: ClosedLoopBlock, bundle: Bundle) -> tuple[np.ndarray, np.ndarray]:
    stretch = stretch_of(block, bundle)
    assert stretch is not None
    return stretch.labels.end_ns, stretch.labels.values


def test_too_little_use_is_no_step(small_bundle: Bundle, turned: ClosedLoopBlock) -> None:
    adaptation = StepwiseAdaptation(small_bundle, AdaptationMethod.RLS, 20.0)
    nowhere = replace(turned, reach=np.full_like(turned.reach, -1))
    assert adaptation.take(nowhere, small_bundle) is None


def test_a_filter_is_not_adapted(small_bundle: Bundle) -> None:
    readout = small_bundle.model.readout
    smooth = with_readout(small_bundle, Readout(readout.matrix, readout.bias, memory=np.eye(2) / 2))
    with pytest.raises(ConfigError, match="Kalman filter.*--method encoder"):
        StepwiseAdaptation(smooth, AdaptationMethod.RLS, 20.0)
