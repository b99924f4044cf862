"""Changes are noted before they are made, measured, and put back exactly."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rt_ner.core.errors import ConfigError
from rt_ner.doctor.computer.command import propose
from rt_ner.doctor.computer.fixes.governor import propose_governor
from rt_ner.doctor.computer.fixes.interrupts import propose_interrupts
from rt_ner.doctor.computer.fixes.priority import Account
from rt_ner.doctor.computer.ledger import state_file
from rt_ner.doctor.computer.proposal import Proposal
from rt_ner.doctor.computer.repair import TURNS, Applied, median_of
from rt_ner.system.computer.wake_ups import WakeUps
from rt_ner.terminal.progress import no_progress
from tests.helpers.fake_computer import (
    BOOT_ID,
    LIMITS,
    ON_TIME,
    FakeComputer,
    affinity_of,
    governor_of,
)

CHANGE = '{"changes": [{"name": "", "file": "%s", "before": "", "after": "", "boot": ""}]}'
NOBODY = Account("nobody")


@pytest.fixture
def computer(tmp_path: Path) -> FakeComputer:
    computer = FakeComputer(tmp_path / "root")
    computer.with_governors("powersave", "ondemand").with_states(0, 0, 200).with_limits()
    return computer.with_interrupts(irq4="0-3", irq9="3", irq30="0-1")


def on_time(_show: Callable[[float], None]) -> WakeUps:
    return ON_TIME


def apply(computer: FakeComputer, proposal: Proposal) -> Applied:
    applied = computer.repair().apply(proposal, on_time, no_progress)
    assert applied is not None
    return applied


def apply_all(computer: FakeComputer, core: int = 3) -> None:
    for proposal in propose(computer, core, NOBODY):
        apply(computer, proposal)


def test_all_is_done_and_all_is_put_back(computer: FakeComputer) -> None:
    before = computer.contents()
    apply_all(computer)
    assert [p.changes for p in propose(computer, 3, NOBODY)] == [()] * 4, "nothing left to do"
    assert computer.contents() != before
    undone = computer.repair().undo()
    assert computer.contents() == before
    assert (len(undone.put_back), undone.left, undone.refused) == (6, (), ())
    assert not computer.ledger.file.exists()


def test_after_two_rounds_the_very_first_state_returns(computer: FakeComputer) -> None:
    before = computer.contents()
    apply_all(computer, core=3)
    apply_all(computer, core=0)
    assert computer.read(affinity_of(4)) == "1-2"
    computer.repair().undo()
    assert computer.contents() == before


def test_wake_ups_are_measured_without_and_with_it_in_turns(computer: FakeComputer) -> None:
    seen: list[str | None] = []

    def measure(show: Callable[[float], None]) -> WakeUps:
        show(1.0)
        seen.append(computer.read(governor_of(0)))
        late_us = len(seen) * (10.0 if seen[-1] == "powersave" else 1.0)
        return WakeUps(1000, late_us, late_us, late_us)

    shown: list[float] = []
    applied = computer.repair().apply(
        propose_governor(computer), measure, lambda _stage, part, _value=None, /: shown.append(part)
    )
    assert seen == ["powersave", "performance"] * TURNS
    assert shown == sorted(shown)
    assert shown[-1] == 1.0
    assert applied is not None
    assert applied.without == WakeUps(3000, 30.0, 30.0, 30.0)
    assert applied.with_it == WakeUps(3000, 4.0, 4.0, 4.0)


def test_a_priority_that_comes_at_the_next_login_is_not_measured(computer: FakeComputer) -> None:
    applied = apply(computer, propose(computer, 3, NOBODY)[-1])
    assert (applied.changed, applied.without, applied.with_it) == ((LIMITS,), None, None)
    assert computer.read(LIMITS) == "nobody - rtprio 51\n"


def test_what_the_kernel_refuses_is_told_and_not_noted(computer: FakeComputer) -> None:
    computer.refused.add(affinity_of(9))
    applied = apply(computer, propose_interrupts(computer, 3))
    assert applied.changed == (affinity_of(4),)
    assert [(left.file, left.reason) for left in applied.left] == [
        (affinity_of(9), "refused: Operation not permitted")
    ]
    assert [entry.file for entry in computer.ledger.entries()] == [affinity_of(4)]


def test_what_others_changed_before_it_was_done_is_left_alone(computer: FakeComputer) -> None:
    proposal = propose_governor(computer)
    computer.put(governor_of(0), "schedutil")
    applied = apply(computer, proposal)
    assert applied.changed == (governor_of(1),)
    assert "changed by somebody else, to 'schedutil'" in applied.left[0].reason
    assert computer.read(governor_of(0)) == "schedutil"


def test_what_others_changed_since_is_left_alone_and_forgotten(computer: FakeComputer) -> None:
    apply(computer, propose_governor(computer))
    computer.put(governor_of(0), "schedutil")
    undone = computer.repair().undo()
    assert (computer.read(governor_of(0)), computer.read(governor_of(1))) == (
        "schedutil",
        "ondemand",
    )
    assert undone.put_back == (governor_of(1),)
    assert [left.file for left in undone.left] == [governor_of(0)]
    assert computer.ledger.entries() == []


def test_a_file_that_is_gone_is_told(computer: FakeComputer) -> None:
    apply(computer, propose_governor(computer))
    computer.path(governor_of(0)).unlink()
    undone = computer.repair().undo()
    assert [left.reason for left in undone.left] == ["changed by somebody else, to nothing"]
    assert not computer.path(governor_of(0)).exists()


def test_what_needs_root_can_still_be_undone_later(computer: FakeComputer) -> None:
    before = computer.contents()
    apply(computer, propose_governor(computer))
    computer.refused = {governor_of(0)}
    undone = computer.repair().undo()
    assert [left.file for left in undone.refused] == [governor_of(0)]
    computer.refused = set()
    assert computer.repair().undo().put_back == (governor_of(0),)
    assert computer.contents() == before


@pytest.mark.parametrize("n_made", [0, 1, 2])
def test_an_interrupted_apply_can_be_undone(computer: FakeComputer, n_made: int) -> None:
    """Each change is noted before it is made: the process may be killed at any moment."""
    before = computer.contents()

    class KilledError(Exception):
        pass

    def measure(_show: Callable[[float], None]) -> WakeUps:
        if computer.written:
            for name in computer.written[n_made:]:
                computer.put(name, before[name])
            raise KilledError
        return ON_TIME

    with pytest.raises(KilledError):
        computer.repair().apply(propose_governor(computer), measure, no_progress)
    assert len(computer.ledger.entries()) == 2
    undone = computer.repair().undo()
    assert len(undone.put_back) == n_made
    assert computer.contents() == before


def test_a_stopped_measurement_leaves_all_as_it_was(computer: FakeComputer) -> None:
    before = computer.contents()
    measured = iter([ON_TIME, None])
    proposal = propose_governor(computer)
    assert computer.repair().apply(proposal, lambda _show: next(measured), no_progress) is None
    assert computer.contents() == before
    assert computer.ledger.entries() == []


def test_a_restart_undoes_what_is_the_kernels_and_no_more(computer: FakeComputer) -> None:
    """After a restart, the same number may be another device's interrupt."""
    apply_all(computer)
    after = computer.contents()
    computer.put(BOOT_ID, "second")
    undone = computer.repair().undo()
    assert undone.put_back == (LIMITS,)
    assert undone.n_restarted == 5
    assert computer.contents() == {
        name: content for name, content in after.items() if name != LIMITS
    } | {BOOT_ID: "second"}


def test_limits_of_other_users_return_byte_for_byte(computer: FakeComputer) -> None:
    theirs = "bob - rtprio 51 # café\r\n\n".encode()
    computer.path(LIMITS).write_bytes(theirs)
    apply(computer, propose(computer, 3, NOBODY)[-1])
    assert computer.path(LIMITS).read_bytes() != theirs
    computer.repair().undo()
    assert computer.path(LIMITS).read_bytes() == theirs


def test_a_value_that_the_kernel_changes_is_taken_back(
    computer: FakeComputer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = computer.write
    monkeypatch.setattr(
        computer,
        "write",
        lambda name, content: real(name, "userspace" if content == "performance" else content),
    )
    applied = apply(computer, propose_governor(computer))
    assert applied.changed == ()
    assert "the kernel made 'userspace' of 'performance'" in applied.left[0].reason
    assert computer.read(governor_of(0)) == "powersave"
    assert computer.ledger.entries() == []


@pytest.mark.parametrize(
    "content",
    [
        "{",
        CHANGE % "/etc/passwd",
        CHANGE % "/proc/irq/1/../../etc/smp_affinity_list",
    ],
)
def test_a_damaged_or_foreign_file_is_refused(computer: FakeComputer, content: str) -> None:
    computer.ledger.file.parent.mkdir(parents=True)
    computer.ledger.file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match="can't be read as changes to this computer"):
        computer.repair().undo()


def test_the_state_file_is_in_the_users_folder_for_states() -> None:
    assert state_file({"XDG_STATE_HOME": "/x"}) == Path("/x/rt-ner/computer.json")
    assert state_file({}).parts[-4:] == (".local", "state", "rt-ner", "computer.json")


def test_without_measurements_there_is_no_median() -> None:
    assert median_of([]) is None
