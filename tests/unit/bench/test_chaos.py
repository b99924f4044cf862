"""Faults done to a rig: which velocities are wrong, and what is reported."""

from rt_ner.bench.chaos.measurement import Chaos, Done
from rt_ner.bench.chaos.witness import Verdict
from rt_ner.live.states import State


def test_a_velocity_outside_running_is_wrong_whichever_stream_is_ahead() -> None:
    verdict = Verdict()
    verdict.take_velocity(1.0, [0.5, 0.0], 1.1)
    verdict.judge(keep=10)
    assert verdict.n_wrong == 0, "its state may still come"
    verdict.take_state(1.0, State.STALE)
    verdict.take_state(2.0, State.RUNNING)
    verdict.take_state(3.0, State.HOLD)
    verdict.judge(keep=10)
    assert verdict.n_wrong == 1
    verdict.take_velocity(2.0, [0.0, -3.0], 2.3)
    verdict.take_velocity(3.0, [0.0, 0.0], 3.1)
    verdict.judge()
    assert (verdict.n_moving, verdict.n_wrong, verdict.n_unknown) == (2, 1, 0)
    assert round(verdict.oldest_s, 6) == 0.3


def test_a_velocity_whose_state_never_comes_is_counted_apart() -> None:
    verdict = Verdict()
    for hop in range(5):
        verdict.take_velocity(float(hop), [1.0, 1.0], hop + 0.01)
    verdict.judge(keep=2)
    assert verdict.n_unknown == 3
    verdict.judge()
    assert (verdict.n_wrong, verdict.n_unknown) == (0, 5)


def test_what_was_done_is_summed_up_by_fault() -> None:
    done = (
        Done("task killed", 0.0, 1.25, 2),
        Done("task killed", 10.0, 0.5, 0),
        Done("decoder killed", 20.0, None, 1),
    )
    summary = Chaos(done, ("view",), Verdict()).summary()
    assert summary["faults"] == {
        "decoder killed": {"times": 1, "longest_until_well_s": None, "not_told": 0},
        "task killed": {"times": 2, "longest_until_well_s": 1.25, "not_told": 1},
    }
    assert summary["never_well"] == 1
    assert summary["longest_until_well_s"] == 1.25
    assert summary["left_running"] == ["view"]
