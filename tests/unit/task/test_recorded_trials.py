"""The trials of a recording are those that the task had."""

import numpy as np
import pytest

from rt_ner.task.scores import bit_rate, score_block
from rt_ner.task.settings import Layout, TaskSettings
from rt_ner.task.trials.recorded_trials import trials_of
from tests.helpers.recorded_sessions import PlayedTask


@pytest.mark.parametrize("layout", [Layout.CENTRE_OUT, Layout.CENTRE_OUT_BACK, Layout.GRID])
def test_trials_come_back_from_the_task_s_streams(layout: Layout) -> None:
    settings = TaskSettings(layout=layout, trials=7, target_hold_ms=100.0, timeout_s=1.0)
    played = PlayedTask(settings)
    times_ns = np.array(played.times_ns)
    cursor, target = (times_ns, np.array(played.cursor)), (times_ns, np.array(played.target))
    trials = trials_of(played.phases, cursor, target, is_square=layout is Layout.GRID)
    truth = played.machine.trials
    assert score_block(trials) == score_block(truth)
    for one, other in zip(trials, truth, strict=True):
        assert (one.target, one.go_ns, one.end_ns) == (other.target, other.go_ns, other.end_ns)
        assert (one.success, one.path_ns) == (other.success, other.path_ns)
        assert one.entries_ns == other.entries_ns or not one.success
        assert (one.selected is None) == (other.selected is None)
    assert bit_rate(trials, 36) == bit_rate(truth, 36)


def test_trials_whose_go_cue_or_target_was_not_recorded_are_left_out() -> None:
    played = PlayedTask()
    times_ns = np.array(played.times_ns)
    cursor, target = (times_ns, np.array(played.cursor)), (times_ns, np.array(played.target))
    first_go_ns = played.machine.trials[0].go_ns
    later = [one for one in played.phases if one[0] > first_go_ns]
    assert len(trials_of(later, cursor, target, False)) == len(played.machine.trials) - 1
    assert trials_of(played.phases, cursor, (times_ns[:1], target[1][:1]), False) == []
