"""Faults done to a rig: which velocities are wrong, and what is reported."""

from rt_ner.bench.chaos.account.account import Cause, Trouble, unexplained
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


S = 1_000_000_000
PARTS = ("task", "decoder")


def cause(at_s: int, of: str, kind: str = "died", befalls_all: bool = False) -> Cause:
    return Cause(at_s * S, (at_s + 2) * S, of, kind, befalls_all)


def trouble(at_s: int, of: str, kind: str = "died") -> Trouble:
    return Trouble(at_s * S, of, kind, "words")


def test_what_was_done_is_summed_up_by_fault() -> None:
    done = (
        Done("task killed", 0.0, 1.25, cause(100, "task")),
        Done("task killed", 10.0, 0.5, cause(110, "task")),
        Done("decoder killed", 20.0, None, cause(120, "decoder")),
    )
    troubles = (trouble(101, "task"), trouble(120, "decoder"), trouble(130, "decoder"))
    chaos = Chaos(done, PARTS, troubles, True, ("view",), ("run-001",), 0, Verdict())
    summary = chaos.summary()
    assert summary["faults"] == {
        "decoder killed": {"times": 1, "longest_until_well_s": None, "not_reported": 0},
        "task killed": {"times": 2, "longest_until_well_s": 1.25, "not_reported": 1},
    }
    assert summary["never_well"] == 1
    assert summary["longest_until_well_s"] == 1.25
    assert summary["left_running"] == ["view"]
    assert (summary["reported"], summary["unexplained"]) == (2, ["decoder died: words"])


def test_a_part_s_trouble_is_not_explained_by_another_part_s_fault() -> None:
    task = [cause(100, "task")]
    assert unexplained([trouble(101, "decoder")], task, PARTS) == [trouble(101, "decoder")]
    assert unexplained([trouble(101, "decoder's state", "STALE")], task, PARTS) == []
    cut = [cause(100, "network", "gone", befalls_all=True)]
    assert unexplained([trouble(101, "decoder")], cut, PARTS) == []
    assert unexplained([trouble(90, "decoder")], cut, PARTS) == [trouble(90, "decoder")]


def test_a_fault_is_reported_only_if_the_right_kind_is_told_of_the_right_part() -> None:
    frozen = cause(100, "task", "frozen")
    assert not frozen.is_in([trouble(101, "task"), trouble(101, "decoder", "frozen")])
    assert frozen.is_in([trouble(101, "task", "frozen")])
    assert cause(100, "", "").is_in([]), "it was refused, and befell nobody"
