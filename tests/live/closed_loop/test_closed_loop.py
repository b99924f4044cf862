"""A block in the loop, run and recorded over LSL."""

from pathlib import Path
from threading import Event, Thread

import numpy as np

from offline_training.closed_loop.block_run import BlockPlan, run_block
from offline_training.closed_loop.in_process.simulation import Reference
from rt_ner.core.contract.kinds import TARGET_LABELS, Kind
from rt_ner.live.learning.block_recorder import BlockRecorder, hear_block
from rt_ner.lsl.streams import open_outlet
from rt_ner.recalibration.block import ClosedLoopBlock
from tests.helpers.waiting import LONGEST_S


def test_a_subject_reaches_targets_with_its_own_hand_and_all_is_recorded(tmp_path: Path) -> None:
    plan = BlockPlan("test", 3, Reference.HAND, ("--seed", "1"), speed=2.0)
    parts: list[float] = []
    scores, played = run_block(plan, tmp_path / "block", parts.append)
    assert scores["trials"] == 3
    # On a busy machine the subject may miss a target.
    assert 0.0 <= scores["success_rate"] <= 1.0
    assert parts[-1] == 1.0
    assert len(played.channel_ids) == played.counts.shape[1] == 96
    assert 5.0 < played.counts.mean() * 100 < 100.0, "spikes per second and channel"
    # The hand moved the cursor.
    begins = int(np.argmax(played.reach >= 0))
    # On a busy machine the cursor lags behind, but nothing else moves it.
    assert np.ptp(played.hand_cm_s[begins:], axis=0).max() > 1.0
    assert np.ptp(played.cursor_cm[begins:], axis=0).max() > 1.0
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
        assert outlet.wait_for_consumers(LONGEST_S)
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
        assert polls < 100 * LONGEST_S
    played = recorder.close()
    assert played.counts.sum() == 500
    assert (played.reach[:20] == -1).all()
    assert (played.reach[20:] == 0).all()
    session = played.session("test", played.hand_cm_s, np.ones(len(played.counts), dtype=np.bool_))
    assert session.trials.direction_deg.tolist() == [0.0]


def test_a_block_holds_the_reaches_asked_for_although_counts_come_later(source_id: str) -> None:
    decoder, task = f"decoder-{source_id}", f"task-{source_id}"
    counts = open_outlet(decoder, Kind.COUNTS, ["a"], "spikes", 10_000_000)
    velocity = open_outlet(decoder, Kind.VELOCITY, ["vx", "vy"], "cm/s", 10_000_000)
    cursor = open_outlet(task, Kind.CURSOR, ["x", "y"], "cm", None)
    target = open_outlet(task, Kind.TARGET, TARGET_LABELS, "cm", None)
    heard: list[ClosedLoopBlock] = []
    shown = Event()

    def show(part: float, _: str) -> None:
        if part == 1.0:
            shown.set()

    def listen() -> None:
        heard.append(hear_block(BlockRecorder(task, decoder=decoder), 3, Event(), show))

    listener = Thread(target=listen)
    listener.start()
    for outlet in (counts, velocity, cursor, target):
        assert outlet.wait_for_consumers(LONGEST_S)
    for k in range(1, 1001):
        at_s, reach = 6000.0 + k / 100, k // 100
        cursor.push_sample([0.0, 0.0], at_s)
        target.push_sample([8.0, float(reach), 1.5, 1.0], at_s)
        if reach >= 4:
            if reach == 4:
                assert shown.wait(LONGEST_S), "four targets were shown before a count arrived"
            counts.push_sample([1], at_s)
            velocity.push_sample([1.0, 0.0], at_s)
    listener.join(LONGEST_S)
    assert heard[0].n_reaches > 3
