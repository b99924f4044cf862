"""The task on real LSL: a velocity moves the cursor, and assistance brings it to the targets."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
from typer.testing import CliRunner

from rt_ner.cli import build_app
from rt_ner.core.contract.kinds import Kind
from rt_ner.lsl.discovery import query_for
from rt_ner.lsl.simulated_clock import SimulatedClock
from rt_ner.lsl.streams import open_outlet
from rt_ner.system.processes import child_process
from rt_ner.task.runner import TaskRunner
from rt_ner.task.settings import Layout, Selection, TaskSettings
from rt_ner.task.trials.targets import Target
from rt_ner.task.trials.trial_machine import Phase, Trial
from tests.helpers.rig import inlet
from tests.helpers.waiting import wait_until

WAIT_S = 60.0


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
    wait_for(phases, lambda sample: sample == ["REACH"])
    del velocity
    assert [np.allclose(cursor.pull_sample(WAIT_S)[0], [2.0, -1.0], atol=1e-4) for _ in range(50)]
    again = open_outlet(source_id, Kind.VELOCITY, ["vx", "vy"], "cm/s", None)
    assert again.wait_for_consumers(WAIT_S), "a decoder that comes back moves the cursor again"
    for k in range(11):
        again.push_sample([0.0, 10.0], 1002.0 + k / 100)
    wait_for(cursor, lambda sample: np.allclose(sample, [2.0, 0.0], atol=1e-4))
    stop.set()
    task.join(WAIT_S)


@pytest.mark.parametrize(
    ("lsl_stamp", "reason"), [(None, "no stream '{}'"), (1000.0, "the task ended during")]
)
def test_a_task_without_a_trial_says_why_and_fails(
    lsl_stamp: float | None, reason: str, source_id: str, tmp_path: Path
) -> None:
    velocity = open_outlet(source_id, Kind.VELOCITY, ["vx", "vy"], "cm/s", None)
    wanted = source_id if lsl_stamp else f"{source_id}-other"
    arguments = ["task", "--decoder", wanted, "--name", f"task-{source_id}"]
    with child_process(arguments, tmp_path) as task:
        if lsl_stamp:
            phases = inlet(f"task-{source_id}", Kind.TASK)
            assert velocity.wait_for_consumers(WAIT_S)
            while phases.pull_sample(0.05)[0] != ["REACH"]:
                velocity.push_sample([0.0, 0.0], lsl_stamp)
        else:
            waiting = f"waiting for a velocity: no stream '{wanted}/velocity' (there is "
            there = f"'{source_id}/velocity' on host "
            wait_until(lambda: _says(task.log_lines(), waiting, there))
        task.interrupt()
        assert task.wait(WAIT_S) == 2
    last = task.log_lines()[-1]
    assert "no trial is over, so there are no scores" in last
    assert reason.format(f"{wanted}/velocity") in last
    assert "nan" not in "".join(task.log_lines())


def _says(lines: list[str], beginning: str, part: str) -> bool:
    """True if a line begins so and names the other stream, beside those of earlier tests."""
    return any(line.startswith(beginning) and part in line for line in lines)


def test_the_task_says_that_it_waits_and_that_it_waits_no_more(source_id: str, stop: Event) -> None:
    notes: list[str] = []
    settings = TaskSettings(layout=Layout.RANDOM, timeout_s=60.0, seed=3)
    runner = TaskRunner(settings, query_for(source_id, Kind.VELOCITY), f"task-{source_id}")
    task = Thread(target=runner.run, args=(stop, lambda _: None, notes.append))
    task.start()
    wait_until(lambda: notes)
    assert f"no stream '{source_id}/velocity'" in notes[0]
    velocity = open_outlet(source_id, Kind.VELOCITY, ["vx", "vy"], "cm/s", None)
    assert velocity.wait_for_consumers(WAIT_S)
    wait_until(lambda: len(notes) > 1)
    assert "sends nothing" in notes[1]
    while len(notes) < 3:
        velocity.push_sample([0.0, 0.0], 1000.0)
        stop.wait(0.01)
    assert "moves the cursor" in notes[2]
    stop.set()
    task.join(WAIT_S)


@pytest.mark.parametrize("as_json", [True, False])
def test_scores_that_do_not_exist_are_left_out(
    as_json: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trials that all fail have no path to measure."""
    monkeypatch.setattr(TaskRunner, "run", fail_one_trial)
    arguments = ["task", "--name", "task-that-fails", *(["--json"] if as_json else [])]
    result = CliRunner().invoke(build_app(), arguments)
    assert result.exit_code == 0, result.exception
    assert "nan" not in result.stdout.lower()
    if as_json:
        scores = json.loads(result.stdout)
        assert (scores["success_rate"], scores["acquire_s_median"]) == (0.0, None)


def fail_one_trial(runner: TaskRunner, *_: object) -> None:
    target = Target(1.0, 0.0, 1.0)
    runner.machine.trials.append(Trial(target, 0, end_ns=10**9, success=False))


def inlet_after(thread: Thread, source: str, kind: Kind):
    thread.start()
    return inlet(source, kind)


def wait_for(stream, true) -> None:
    """Pull until a sample is as wanted; the stream itself never ends."""
    deadline_s = time.monotonic() + WAIT_S
    while time.monotonic() < deadline_s:
        sample, _ = stream.pull_sample(WAIT_S)
        if true(sample):
            return
    raise AssertionError("no sample was as wanted")


def test_assistance_alone_brings_the_cursor_to_every_target(source_id: str, stop: Event) -> None:
    velocity = open_outlet(source_id, Kind.VELOCITY, ["vx", "vy"], "cm/s", None)
    # A busy computer may be slow to send the velocity: no trial fails for that.
    settings = TaskSettings(
        trials=2, assist=1.0, target_hold_ms=50, centre_hold_ms=0, between_ms=0, timeout_s=WAIT_S
    )
    runner = TaskRunner(settings, query_for(source_id, Kind.VELOCITY), f"task-{source_id}")
    task = Thread(target=runner.run, args=(stop, lambda _: None))
    task.start()
    assert velocity.wait_for_consumers(WAIT_S)
    deadline_s, k = time.monotonic() + 2 * WAIT_S, 0
    while task.is_alive() and time.monotonic() < deadline_s:
        velocity.push_sample([0.0, 0.0], 1000.0 + k / 100)
        k += 1
        task.join(0.005)
    assert [trial.success for trial in runner.machine.trials] == [True, True]


def test_a_decoders_click_selects_the_cell_and_nothing_begins_without_it(
    source_id: str, stop: Event
) -> None:
    velocity = open_outlet(source_id, Kind.VELOCITY, ["vx", "vy"], "cm/s", None)
    settings = TaskSettings(
        layout=Layout.GRID, grid_side=3, selection=Selection.CLICK, trials=1, assist=1.0,
        between_ms=0, timeout_s=WAIT_S,
    )  # fmt: skip
    queries = (query_for(source_id, kind) for kind in (Kind.VELOCITY, Kind.CLASSES))
    name, notes = f"task-{source_id}", list[str]()
    runner = TaskRunner(settings, next(queries), name, SimulatedClock(2.0), classes=next(queries))
    task = Thread(target=runner.run, args=(stop, lambda _: None, notes.append))
    task.start()
    markers = inlet(name, Kind.MARKERS)
    assert velocity.wait_for_consumers(WAIT_S)
    stamps_s = iter(1000.0 + np.arange(100_000) / 100)

    def push_until(true, likely: float = 0.0) -> None:
        deadline_s = time.monotonic() + WAIT_S
        while not true():
            assert time.monotonic() < deadline_s
            stamp_s = float(next(stamps_s))
            velocity.push_sample([0.0, 0.0], stamp_s)
            if classes is not None:
                classes.push_sample([1.0 - likely, likely], stamp_s)
            task.join(0.005)

    classes = None
    push_until(lambda: any(f"no stream '{source_id}/classes'" in note for note in notes))
    assert runner.machine.phase is Phase.BETWEEN
    classes = open_outlet(source_id, Kind.CLASSES, ["0", "1"], "probability", None)
    push_until(lambda: runner.machine.target is not None)
    target = runner.machine.target
    assert target is not None
    push_until(lambda: target.holds(runner._cursor.position_cm))
    push_until(lambda: not task.is_alive(), likely=1.0)
    (trial,) = runner.machine.trials
    assert trial.selected == target
    marked = [markers.pull_sample(WAIT_S) for _ in range(5)]
    assert np.all(np.diff([stamp_s for _, stamp_s in marked]) >= 0), "all by the task's own clock"
    texts = [sample[0] for sample, _ in marked]
    assert texts[0] == "trial_start 0"
    assert texts[2:4] == ["select 0 right", "trial_end 0"]
    assert json.loads(texts[4].removeprefix("scores "))["false_clicks_per_min"] == 0.0
