"""Trials go through their phases by the cursor's position and the time."""

import numpy as np
import pytest

from rt_ner.task.scores import score_trial
from rt_ner.task.settings import Layout, Selection, TaskSettings
from rt_ner.task.trials.trial_machine import Phase, TrialMachine

MS = 1_000_000
STEP = 10 * MS
AWAY = np.array([9.9, 9.9])
CENTRE = np.zeros(2)


class Hands:
    """Steps a machine with the cursor wherever it is put."""

    def __init__(self, **settings: object) -> None:
        self.machine = TrialMachine(TaskSettings(**settings))
        self.now_ns = 10**9
        self.phases: list[Phase] = []

    def click(self, cursor_cm: np.ndarray) -> Phase:
        self.now_ns += STEP
        return self.machine.step(self.now_ns, cursor_cm, True)

    def at(self, cursor_cm: np.ndarray, ms: int) -> Phase:
        for _ in range(ms * MS // STEP):
            self.now_ns += STEP
            phase = self.machine.step(self.now_ns, cursor_cm)
            if not self.phases or self.phases[-1] is not phase:
                self.phases.append(phase)
        return self.machine.phase

    def until(self, phase: Phase, cursor_cm: np.ndarray) -> None:
        for _ in range(2000):
            if self.at(cursor_cm, 10) is phase:
                return
        raise AssertionError(f"never in {phase}")


def test_a_reach_goes_through_its_phases_and_counts() -> None:
    hands = Hands(target_hold_ms=200.0, centre_hold_ms=100.0, delay_ms=(50.0, 50.0))
    hands.until(Phase.REACH, CENTRE)
    target = hands.machine.target
    assert target is not None
    assert np.hypot(target.x, target.y) == pytest.approx(8.0)
    hands.at(target.centre_cm / 2, 300)
    hands.until(Phase.BETWEEN, target.centre_cm)
    assert hands.phases == [
        Phase.BETWEEN, Phase.CENTRE, Phase.CENTRE_HOLD, Phase.DELAY, Phase.REACH,
        Phase.TARGET_HOLD, Phase.SUCCESS, Phase.BETWEEN,
    ]  # fmt: skip
    (trial,) = hands.machine.trials
    assert trial.success is True
    assert score_trial(trial).acquire_s == pytest.approx(0.31, abs=0.02)


def test_leaving_the_centre_starts_anew_and_leaving_the_target_restarts_its_hold() -> None:
    hands = Hands(target_hold_ms=200.0, delay_ms=(500.0, 500.0))
    hands.until(Phase.DELAY, CENTRE)
    assert hands.at(AWAY, 20) is Phase.CENTRE
    assert not hands.machine.trials
    hands.until(Phase.REACH, CENTRE)
    target = hands.machine.target
    assert target is not None
    hands.at(target.centre_cm, 150)
    assert hands.at(CENTRE, 20) is Phase.REACH
    hands.at(target.centre_cm, 150)
    assert hands.machine.phase is Phase.TARGET_HOLD
    hands.until(Phase.BETWEEN, target.centre_cm)
    (trial,) = hands.machine.trials
    assert len(trial.entries_ns) == 2
    assert score_trial(trial).dial_in_s == pytest.approx(0.17, abs=0.02)


def test_too_long_a_reach_fails_and_the_task_ends_after_its_trials() -> None:
    hands = Hands(timeout_s=0.5, trials=2)
    for _ in range(2):
        hands.until(Phase.REACH, CENTRE)
        hands.until(Phase.BETWEEN, CENTRE)
    assert [trial.success for trial in hands.machine.trials] == [False, False]
    assert hands.machine.is_over
    hands.at(CENTRE, 2000)
    assert len(hands.machine.trials) == 2


def test_the_subject_is_to_stay_while_a_target_waits_for_the_go_cue() -> None:
    hands = Hands(delay_ms=(300.0, 300.0))
    hands.until(Phase.DELAY, CENTRE)
    assert hands.machine.target is not None
    assert hands.machine.goal is None


def test_on_a_grid_a_wrong_cell_is_selected_too() -> None:
    hands = Hands(layout=Layout.GRID, grid_side=2, target_hold_ms=100.0, trials=2, between_ms=0.0)
    hands.until(Phase.REACH, np.array([30.0, 30.0]))
    wanted = hands.machine.target
    assert wanted is not None
    hands.at(-wanted.centre_cm, 150)
    assert [trial.success for trial in hands.machine.trials] == [False]


CLICKED: dict[str, object] = {
    "layout": Layout.GRID, "selection": Selection.CLICK, "grid_side": 4, "between_ms": 50.0
}  # fmt: skip


def test_a_click_selects_the_cell_that_the_cursor_is_in() -> None:
    hands = Hands(**CLICKED)
    hands.click(CENTRE)
    assert hands.machine.n_false_clicks == 0, "nothing counts before the first go cue"
    hands.until(Phase.REACH, AWAY)
    wanted = hands.machine.target
    assert wanted is not None
    hands.at(wanted.centre_cm, 3000)
    assert not hands.machine.trials, "staying in a cell selects nothing"
    # The cursor enters and clicks in one step.
    hands.at(-wanted.centre_cm, 20)
    assert hands.click(wanted.centre_cm) is Phase.SUCCESS
    assert hands.machine.n_false_clicks == 0
    (trial,) = hands.machine.trials
    assert trial.selected == wanted
    assert score_trial(trial).acquire_s > 3.0


def test_other_clicks_are_false_and_those_in_another_cell_select_it() -> None:
    hands = Hands(**CLICKED, timeout_s=1.0)
    hands.until(Phase.REACH, CENTRE)
    wanted = hands.machine.target
    assert wanted is not None
    assert hands.click(-wanted.centre_cm) is Phase.FAILURE
    hands.click(wanted.centre_cm)
    hands.until(Phase.REACH, CENTRE)
    hands.until(Phase.FAILURE, CENTRE)
    wrong, late = hands.machine.trials
    assert wrong.selected is not None
    assert late.selected is None
    assert hands.machine.n_false_clicks == 2


def test_outside_of_all_targets_a_click_selects_nothing() -> None:
    hands = Hands(selection=Selection.CLICK)
    hands.until(Phase.REACH, CENTRE)
    assert hands.machine.click_within_cm == hands.machine.settings.target_radius_cm
    assert hands.click(CENTRE) is Phase.REACH
    assert hands.machine.n_false_clicks == 1
