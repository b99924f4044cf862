"""From ordinary use alone, it is found at which target on the screen a subject aimed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drivers.simulated.subject.neurons import made_up
from offline_training.closed_loop.in_process.simulation import Reference, simulate_block
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.errors import ConfigError, SessionError
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.recalibration.intention.reach_model import ReachModel
from rt_ner.recalibration.intention.screen import Screen, load_screen
from rt_ner.recalibration.intention.target_inference import infer_targets
from rt_ner.recalibration.learning import screen_of
from rt_ner.task.settings import Layout, TaskSettings
from rt_ner.task.trials.targets import circle_and_centre

TASK = TaskSettings(trials=20, layout=Layout.CENTRE_OUT_BACK)
SCREEN_CM = circle_and_centre(TASK)
# As the simulated subject reaches.
MODEL = ReachModel(delay_s=0.16, approach_s=0.13, max_speed_cm_s=42.0, build_up_s=0.05)


@pytest.fixture(scope="module")
def use() -> ClosedLoopBlock:
    """Use of a decoder that does what is intended."""
    neurons = made_up(np.random.default_rng(0), n_electrodes=4)
    found = simulate_block(neurons, Reference.IDEAL, TASK, seed=1)
    return replace(found.block, decoded_cm_s=found.intended_cm_s)


def rightly_inferred(use: ClosedLoopBlock, played: ClosedLoopBlock) -> float:
    """Part of the time with a target in which that one was inferred."""
    found = infer_targets(played, SCREEN_CM, MODEL)
    shown = np.isfinite(use.target[:, 0])
    away_cm = np.hypot(*(found.target - use.target)[shown, :2].T)
    return float((away_cm < 0.1).mean())


def test_the_targets_are_found_though_the_task_does_not_tell_them(use: ClosedLoopBlock) -> None:
    unknown = replace(
        use, target=np.full_like(use.target, np.nan), reach=np.full(len(use.reach), -1)
    )
    assert rightly_inferred(use, unknown) > 0.9


@pytest.mark.parametrize("turned_deg", [-30.0, 30.0])
def test_a_decoder_that_turns_shrinks_and_drifts_misleads_little(
    use: ClosedLoopBlock, turned_deg: float
) -> None:
    angle = np.deg2rad(turned_deg)
    turn = 0.6 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    noise = np.random.default_rng(2).normal(0, 3, use.cursor_cm.shape)
    played = replace(use, decoded_cm_s=use.decoded_cm_s @ turn.T + [2.0, -1.0] + noise)
    assert rightly_inferred(use, played) > 0.85


def test_each_reach_goes_to_a_target_of_the_screen(use: ClosedLoopBlock) -> None:
    found = infer_targets(use, SCREEN_CM, MODEL)
    places = {tuple(place) for place in found.target[:, :2].round(6)}
    assert places <= {tuple(place) for place in SCREEN_CM.round(6)}
    assert abs(found.n_reaches - use.n_reaches) <= 2
    assert (found.reach >= 0).all()


def test_a_moment_of_use_tells_nothing(use: ClosedLoopBlock) -> None:
    assert infer_targets(use.until(NS_PER_S // 2), SCREEN_CM, MODEL).n_reaches == 0


def test_visits_are_counted_by_the_target_that_the_cursor_comes_to() -> None:
    screen = Screen(np.array([[0.0, 0.0], [8.0, 0.0]]), MODEL)
    path_cm = np.column_stack([[0.0, 0.5, 4.0, 7.9, 8.2, 4.0, 7.8, 0.1], np.zeros(8)])
    assert screen.n_visits(path_cm) == 3
    assert screen.n_visits(np.zeros((0, 2))) == 0


@pytest.mark.parametrize("text", ["1,2", "1,2,3\n4,5,6", "x,y\n1,2\n3,4", "1,nan\n2,3"])
def test_a_file_that_lists_no_targets_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "screen.csv"
    path.write_text(text)
    with pytest.raises(SessionError, match=r"screen\.csv.*expected two or more lines"):
        load_screen(path)


def test_a_list_of_targets_may_have_comments(tmp_path: Path) -> None:
    path = tmp_path / "screen.csv"
    path.write_text("# keyboard\n0, 0\n8, -1.5  # the key A\n")
    assert load_screen(path).tolist() == [[0.0, 0.0], [8.0, -1.5]]


def test_targets_are_not_inferred_without_a_model_of_reaching(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--reaching"):
        screen_of(tmp_path / "screen.csv", None)
