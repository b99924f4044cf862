"""The task: targets, trials, scores, and the task on real LSL."""

from collections.abc import Iterator
from threading import Event, Thread

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt_ner.core.contract.kinds import Kind
from rt_ner.core.errors import ConfigError
from rt_ner.core.settings import checked_settings
from rt_ner.lsl.discovery import query_for
from rt_ner.lsl.streams import open_outlet
from rt_ner.task.runner import TaskRunner
from rt_ner.task.scores import bit_rate, score_block, score_trial
from rt_ner.task.settings import Layout, TaskSettings
from rt_ner.task.trials.targets import Target, Targets
from rt_ner.task.trials.trial_machine import Phase, Trial, TrialMachine
from tests.helpers.rig import WAIT_S, inlet

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


def test_who_leaves_the_centre_begins_anew_and_who_leaves_the_target_must_hold_again() -> None:
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


@pytest.mark.parametrize("layout", list(Layout))
def test_every_target_of_a_layout_can_be_reached_and_comes_equally_often(layout: Layout) -> None:
    settings = TaskSettings(layout=layout, grid_side=3)
    targets = Targets(settings)
    cursor = CENTRE
    drawn = []
    for _ in range(72):
        target = targets.draw(cursor)
        assert np.abs(target.centre_cm).max() + target.radius <= settings.workspace_cm / 2 + 1e-9
        if layout is Layout.RANDOM:
            assert not target.holds(cursor)
        cursor = target.centre_cm
        drawn.append(target)
    times = [drawn.count(target) for target in set(drawn)]
    if layout is Layout.CENTRE_OUT_BACK:
        assert drawn[1::2] == [targets.centre] * 36
    elif layout is not Layout.RANDOM:
        assert max(times) - min(times) <= 0 or len(drawn) % len(times)


def test_on_a_grid_a_wrong_cell_is_selected_too() -> None:
    hands = Hands(layout=Layout.GRID, grid_side=2, target_hold_ms=100.0, trials=2, between_ms=0.0)
    hands.until(Phase.REACH, np.array([30.0, 30.0]))
    wanted = hands.machine.target
    assert wanted is not None
    hands.at(-wanted.centre_cm, 150)
    assert [trial.success for trial in hands.machine.trials] == [False]


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(3, 64))
def test_the_bit_rate_is_the_formulas(successes: list[bool], n_choices: int) -> None:
    trials = [
        Trial(Target(0, 0, 1), go_ns=k * 10**9, end_ns=(k + 1) * 10**9, success=success)
        for k, success in enumerate(successes)
    ]
    right, wrong = sum(successes), len(successes) - sum(successes)
    expected = np.log2(n_choices - 1) * max(right - wrong, 0) / len(successes)
    assert bit_rate(trials, n_choices) == pytest.approx(expected)


def test_scores_of_a_known_way() -> None:
    # Eight centimetres straight along x, by way of a detour of two up and two down.
    path = [(0, 0), (2, 0), (2, 2), (4, 2), (4, 0), (7, 0), (8, 0)]
    trial = Trial(Target(8.0, 0.0, 1.0), go_ns=0, success=True, end_ns=700 * MS)
    trial.path_ns = [k * 100 * MS for k in range(len(path))]
    trial.path_cm = [np.array(place, dtype=float) for place in path]
    trial.entries_ns = [500 * MS]
    score = score_trial(trial)
    assert score.acquire_s == 0.5
    assert score.path_efficiency == pytest.approx(7 / 11)
    assert score.movement_error_cm == pytest.approx(4 / 6)
    assert score.difficulty_bits == pytest.approx(np.log2(8 / 2 + 1))
    assert score.throughput_bps == pytest.approx(np.log2(5) / 0.5)
    block = score_block([trial, Trial(Target(8, 0, 1), go_ns=0, success=False)])
    assert (block.trials, block.success_rate, block.acquire_s_median) == (2, 0.5, 0.5)
    assert np.isnan(score_block([]).success_rate)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"delay_ms": (300.0, 100.0)}, "expected the shortest delay"),
        ({"target_radius_cm": 9.0}, "every reach would end where it begins"),
        ({"layout": "spiral"}, "layout"),
        ({"targets": 8}, "did you mean 'n_targets'"),
    ],
)
def test_settings_that_make_no_task_are_refused(content: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        checked_settings(content, TaskSettings, "test")


@pytest.fixture
def stop() -> Iterator[Event]:
    event = Event()
    yield event
    event.set()


def test_a_cursor_is_moved_by_velocity_and_stands_still_without(
    source_id: str, stop: Event
) -> None:
    velocity = open_outlet(source_id, Kind.VELOCITY, ["vx", "vy"], "mm/s", None)
    settings = TaskSettings(layout=Layout.RANDOM, timeout_s=60.0, seed=3)
    runner = TaskRunner(settings, query_for(source_id, Kind.VELOCITY), f"task-{source_id}")
    task = Thread(target=runner.run, args=(stop, lambda _: None))
    cursor = inlet_after(task, f"task-{source_id}", Kind.CURSOR)
    phases = inlet(f"task-{source_id}", Kind.TASK)
    assert velocity.wait_for_consumers(WAIT_S)
    assert runner.machine.phase is Phase.BETWEEN, "nothing begins before there is a velocity"
    for k in range(101):
        velocity.push_sample([20.0, -10.0], 1000.0 + k / 100)
    wait_for(cursor, lambda sample: np.allclose(sample, [2.0, -1.0], atol=1e-4))
    assert phases.pull_sample(WAIT_S)[0] == ["REACH"]
    del velocity
    assert [np.allclose(cursor.pull_sample(WAIT_S)[0], [2.0, -1.0], atol=1e-4) for _ in range(50)]
    again = open_outlet(source_id, Kind.VELOCITY, ["vx", "vy"], "cm/s", None)
    assert again.wait_for_consumers(WAIT_S), "a decoder that comes back moves the cursor again"
    for k in range(11):
        again.push_sample([0.0, 10.0], 1002.0 + k / 100)
    wait_for(cursor, lambda sample: np.allclose(sample, [2.0, 0.0], atol=1e-4))
    stop.set()
    task.join(WAIT_S)


def inlet_after(thread: Thread, source: str, kind: Kind):
    thread.start()
    return inlet(source, kind)


def wait_for(stream, true) -> None:
    for _ in range(round(WAIT_S * 200)):
        sample, _ = stream.pull_sample(WAIT_S)
        if true(sample):
            return
    raise AssertionError("in vain")


def test_assistance_alone_brings_the_cursor_to_every_target(source_id: str, stop: Event) -> None:
    velocity = open_outlet(source_id, Kind.VELOCITY, ["vx", "vy"], "cm/s", None)
    settings = TaskSettings(trials=2, assist=1.0, target_hold_ms=50, centre_hold_ms=0, between_ms=0)
    runner = TaskRunner(settings, query_for(source_id, Kind.VELOCITY), f"task-{source_id}")
    task = Thread(target=runner.run, args=(stop, lambda _: None))
    task.start()
    assert velocity.wait_for_consumers(WAIT_S)
    k = 0
    while task.is_alive() and k < WAIT_S * 200:
        velocity.push_sample([0.0, 0.0], 1000.0 + k / 100)
        k += 1
        stop.wait(0.005)
    assert [trial.success for trial in runner.machine.trials] == [True, True]
