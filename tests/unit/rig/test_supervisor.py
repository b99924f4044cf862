"""Order, waiting for needs, back-off, the operator's word, and the end of all."""

import os
from pathlib import Path

import pytest

from rt_ner.core.errors import RtNerError
from rt_ner.record.rig_events import Happened
from rt_ner.rig.plan.part import Part
from rt_ner.rig.supervision import supervisor as module
from rt_ner.rig.supervision.identity import identity_of
from rt_ner.rig.supervision.process import TakenOver, rotate
from rt_ner.rig.supervision.supervisor import Status
from rt_ner.system.processes import TOO_BUSY
from tests.unit.rig.fakes import FakeLab, FakeProcess

SOURCE = Part("source", ("subject",), restart="always")
DECODER = Part("decoder", ("decode",), ("subject/spikes",), "ask")
RECORDER = Part("recorder", ("record",), ("subject/spikes",), "always")
TASK = Part("task", ("task",), ("rig/velocity",), "ask")
VIEW = Part("view", ("view",), (), "always")


@pytest.fixture(autouse=True)
def groups(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The process groups that were ended; there are no real ones."""
    ended: list[int] = []
    monkeypatch.setattr(module, "end_group", ended.append)
    return ended


def test_parts_start_in_order_each_when_what_it_needs_is_there() -> None:
    lab = FakeLab(SOURCE, DECODER, VIEW, TASK)
    lab.supervisor.step(0.0)
    assert lab.names() == ["source"]
    lab.streams.add("rig/velocity")
    lab.supervisor.step(1.0)
    assert lab.names() == ["source"]
    lab.streams.add("subject/spikes")
    lab.supervisor.step(2.0)
    assert lab.names() == ["source", "decoder", "view", "task"]


def test_what_is_missing_is_told_once() -> None:
    lab = FakeLab(DECODER)
    for now_s in range(5):
        lab.supervisor.step(now_s)
    assert lab.told == ["decoder: waits for subject/spikes"]


def test_a_part_that_fails_is_started_again_after_ever_longer_pauses() -> None:
    lab = FakeLab(VIEW)
    now_s, pauses_s = 0.0, []
    lab.supervisor.step(now_s)
    for _ in range(9):
        lab.newest("view").die(1)
        lab.supervisor.step(now_s)
        pause_s = lab.supervisor.members[0].since_s - now_s
        lab.supervisor.step(now_s + 0.9 * pause_s)
        assert lab.supervisor.members[0].status is Status.PAUSING
        now_s += pause_s
        lab.supervisor.step(now_s)
        assert lab.supervisor.members[0].status is Status.RUNNING
        pauses_s.append(pause_s)
    assert pauses_s == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30]
    assert "view: has ended with code 1 (its last line: oh); starts again in 0.25 s" in lab.told
    # After a long life, it begins with the shortest pause.
    lab.newest("view").die(1)
    lab.supervisor.step(now_s + 100)
    assert lab.supervisor.members[0].since_s == now_s + 100.25


def test_a_decoder_is_started_again_only_with_the_operators_word() -> None:
    lab = FakeLab(DECODER)
    lab.streams.add("subject/spikes")
    lab.supervisor.step(0.0)
    lab.newest("decoder").die(-9)
    lab.supervisor.step(1.0)
    lab.supervisor.step(1000.0)
    assert lab.names() == ["decoder"]
    assert "press s to start it again" in lab.told[-1]
    lab.supervisor.start_again()
    lab.supervisor.step(1001.0)
    assert lab.names() == ["decoder", "decoder"]


def test_a_part_that_can_t_be_started_on_a_full_disk_is_tried_again() -> None:
    lab = FakeLab(SOURCE, VIEW)
    lab.supervisor.step(0.0)
    lab.newest("view").die(1)
    lab.supervisor.step(1.0)
    lab.has_disk = False
    lab.supervisor.step(2.0)
    assert "view: can't be started ([Errno 28] No space left on device); starts" in lab.told[-1]
    lab.has_disk = True
    lab.supervisor.step(2.1)
    assert lab.names() == ["source", "view"], "its pause is not over"
    lab.supervisor.hurry()
    lab.supervisor.step(2.1)
    assert lab.names() == ["source", "view", "view"]
    assert lab.teller.happened[-3:] == [
        (Happened.DIED, "view"), (Happened.DIED, "view"), (Happened.STARTED, "view"),
    ]  # fmt: skip


def test_a_part_that_is_started_again_holds_up_no_other() -> None:
    lab = FakeLab(RECORDER, VIEW)
    lab.streams.add("subject/spikes")
    lab.supervisor.step(0.0)
    for name in ("recorder", "view"):
        lab.newest(name).die(1)
    lab.streams.clear()
    lab.supervisor.step(0.0)
    lab.supervisor.step(1.0)
    assert lab.names() == ["recorder", "view", "view"]


def test_a_window_that_is_closed_stays_closed() -> None:
    lab = FakeLab(VIEW)
    lab.supervisor.step(0.0)
    lab.newest("view").die(0)
    for now_s in (0.0, 100.0):
        lab.supervisor.step(now_s)
    assert lab.names() == ["view"]
    assert lab.supervisor.members[0].status is Status.DONE


def test_the_decoder_ends_first_then_the_recorder_then_the_others(groups: list[int]) -> None:
    lab = FakeLab(SOURCE, DECODER, RECORDER, VIEW, TASK)
    lab.streams |= {"subject/spikes", "rig/velocity"}
    lab.supervisor.step(0.0)
    lab.supervisor.stop()
    assert lab.log[:4] == [
        "interrupt decoder",
        "gone decoder",
        "interrupt recorder",
        "gone recorder",
    ]
    assert sorted(lab.log[4:7]) == ["interrupt source", "interrupt task", "interrupt view"]
    assert all(process.over for process in lab.started)
    assert len(groups) == 5


def test_a_part_that_does_not_end_is_killed_and_holds_up_no_other() -> None:
    lab = FakeLab(SOURCE, DECODER)
    lab.streams.add("subject/spikes")
    lab.supervisor.step(0.0)
    lab.stubborn.add("decoder")
    lab.supervisor.stop()
    assert all(process.over for process in lab.started)
    assert f"decoder: did not end within 5 s, killed; {TOO_BUSY}" in lab.told


def test_a_part_that_runs_already_is_taken_over_and_not_started() -> None:
    lab = FakeLab(SOURCE, DECODER)
    lab.streams.add("subject/spikes")
    running = FakeProcess(DECODER, lab)
    lab.supervisor.take_over("decoder", running, 0.0)
    lab.supervisor.step(0.0)
    assert lab.names() == ["source"]
    # Its code is not known when it ends: that is a failure.
    running.die(None)
    lab.supervisor.step(1.0)
    assert lab.supervisor.members[1].status is Status.FAILED


def test_one_that_was_taken_over_and_does_not_end_is_named_with_a_remedy(tmp_path: Path) -> None:
    here = os.getpid()
    taken = TakenOver(here, identity_of(here), tmp_path / "decoder.log")
    with pytest.raises(RtNerError, match=f"process {here} did not end within 0 s; {TOO_BUSY}"):
        taken.wait(0.0)


def test_logs_of_earlier_starts_are_numbered_and_the_oldest_go(tmp_path: Path) -> None:
    log = tmp_path / "view.log"
    for number in range(9):
        log.write_text(str(number))
        rotate(log)
    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert kept == {f"view.{number}.log": str(9 - number) for number in range(1, 6)}
