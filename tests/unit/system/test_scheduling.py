"""Threads on a shared core: LSL's first, then the loop, then the rest."""

import os
import threading
from collections.abc import Callable
from typing import TypeVar

import pytest

from rt_ner.system.scheduling import behind_lsl, claim_computer, turn_ns

Told = TypeVar("Told")

needs_turns = pytest.mark.skipif(not turn_ns(), reason="turns are Linux 6.12's and later alone")


def in_a_thread(tell: Callable[[], Told]) -> Told:
    """Return a function's result from a thread of its own, to leave the tests' thread as it is."""
    told: list[Told] = []
    thread = threading.Thread(target=lambda: told.append(tell()))
    thread.start()
    thread.join()
    return told[0]


def in_a_new_thread_and_behind(realtime: bool) -> list[tuple[int, int]]:
    """Return turn and priority of a thread that a claiming one starts, and of the one behind it."""

    def place() -> tuple[int, int]:
        return turn_ns(), os.sched_getparam(0).sched_priority

    def claim() -> list[tuple[int, int]]:
        assert claim_computer(None, realtime) == []
        started = in_a_thread(place)
        with behind_lsl():
            behind = place()
        assert place() == started, "what is opened anew is to have LSL's place again"
        return [started, behind]

    return in_a_thread(claim)


def test_what_a_computer_refuses_is_said() -> None:
    (refused,) = in_a_thread(lambda: claim_computer(100_000, realtime=False))
    assert refused.startswith("core 100000 was refused")


def test_elsewhere_than_on_linux_both_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    core, priority = claim_computer(1, realtime=True)
    assert core == "core 1 was refused: only Linux can give a program a core; leave out core"
    assert priority.startswith("real-time priority was refused (only Linux is asked for it)")


@needs_turns
def test_lsls_threads_have_shorter_turns_than_the_loop_and_the_loop_than_others() -> None:
    usual_ns = turn_ns()
    (lsl_ns, _), (loop_ns, _) = in_a_new_thread_and_behind(realtime=False)
    assert lsl_ns < loop_ns < usual_ns
    assert turn_ns() == usual_ns


def test_lsls_threads_have_a_higher_priority_than_the_loop() -> None:
    if in_a_thread(lambda: claim_computer(None, realtime=True)):
        pytest.skip("real-time priority is not permitted here")
    (_, lsl), (_, loop) = in_a_new_thread_and_behind(realtime=True)
    assert lsl > loop > 0


def test_who_has_claimed_nothing_stays_as_it_was() -> None:
    def place_within() -> tuple[int, int]:
        before = turn_ns()
        with behind_lsl():
            return before, turn_ns()

    before, within = in_a_thread(place_within)
    assert before == within
