"""Each cause of late wake-ups is found, and what is as it should be is left alone."""

from pathlib import Path

import pytest

from rt_ner.core.errors import ConfigError
from rt_ner.doctor.computer.command import check_linux, propose
from rt_ner.doctor.computer.fixes.governor import propose_governor
from rt_ner.doctor.computer.fixes.interrupts import propose_interrupts
from rt_ner.doctor.computer.fixes.priority import Account, propose_priority, this_account
from rt_ner.doctor.computer.fixes.sleep import propose_sleep
from rt_ner.doctor.computer.proposal import Change
from tests.helpers.fake_computer import (
    LIMITS,
    FakeComputer,
    affinity_of,
    governor_of,
    state_of,
)

ANN = Account("ann", ("lab",))
OURS = "ann - rtprio 51\n"


@pytest.fixture
def computer(tmp_path: Path) -> FakeComputer:
    return FakeComputer(tmp_path / "root")


def test_where_nothing_can_be_set_nothing_is_proposed(tmp_path: Path) -> None:
    """As in many virtual computers and containers: none of the files is there."""
    proposals = propose(FakeComputer(tmp_path / "root", n_cores=1), 0, ANN)
    assert [proposal.changes for proposal in proposals] == [()] * 4
    assert all(proposal.now for proposal in proposals)


def test_cores_that_save_power_are_to_perform(computer: FakeComputer) -> None:
    computer.with_governors("powersave", "performance", "ondemand")
    proposal = propose_governor(computer)
    assert proposal.changes == (
        Change(governor_of(0), "powersave", "performance"),
        Change(governor_of(2), "ondemand", "performance"),
    )
    assert proposal.now == "ondemand, powersave on 2 of 3 cores"


def test_a_governor_that_the_kernel_lacks_is_not_proposed(computer: FakeComputer) -> None:
    computer.with_governors("powersave")
    computer.put(governor_of(0).replace("governor", "available_governors"), "powersave ondemand")
    proposal = propose_governor(computer)
    assert proposal.changes == ()
    assert "does not offer performance" in proposal.now


def test_deep_sleep_states_are_to_be_disabled_on_each_core(computer: FakeComputer) -> None:
    computer.with_states(0, 0, 20, 21, 200).with_states(1, 0, 20, 21)
    computer.put(state_of(0, 3), "1")
    proposal = propose_sleep(computer)
    assert proposal.changes == (
        Change(state_of(0, 2), "0", "1"),
        Change(state_of(1, 2), "0", "1"),
    )
    assert "C2 (21 µs)" in proposal.now


def test_interrupts_leave_the_decoders_core(computer: FakeComputer) -> None:
    computer.with_interrupts(irq4="0-3", irq9="2", irq30="0-1", irq31="1-2")
    assert propose_interrupts(computer, 2).changes == (
        Change(affinity_of(4), "0-3", "0-1,3"),
        Change(affinity_of(9), "2", "0-1,3"),
        Change(affinity_of(31), "1-2", "1"),
    )


def test_the_last_of_many_cores_is_proposed_for_the_decoder(computer: FakeComputer) -> None:
    proposal = propose_interrupts(computer.with_interrupts(irq4="0-3"), None)
    assert proposal.changes == (Change(affinity_of(4), "0-3", "0-2"),)
    assert any("core = 3 in [timing]" in note for note in proposal.notes)


def test_of_two_cores_none_is_set_apart_unless_asked(tmp_path: Path) -> None:
    computer = FakeComputer(tmp_path / "root", n_cores=2).with_interrupts(irq4="0-1")
    assert propose_interrupts(computer, None).changes == ()
    assert propose_interrupts(computer, 1).changes == (Change(affinity_of(4), "0-1", "0"),)


def test_a_core_that_is_not_there_is_refused(computer: FakeComputer) -> None:
    with pytest.raises(ConfigError, match="core 9 .* is not available, expected one of 0, 1, 2, 3"):
        propose_interrupts(computer, 9)


def test_a_program_that_moves_interrupts_back_is_named(computer: FakeComputer) -> None:
    computer.with_interrupts(irq4="0-3").put("/proc/77/comm", "irqbalance")
    assert any("irqbalance is running" in note for note in propose_interrupts(computer, 1).notes)


def test_a_user_is_permitted_what_lsl_needs(computer: FakeComputer) -> None:
    proposal = propose_priority(computer.with_limits(), ANN)
    assert proposal.changes == (Change(LIMITS, None, OURS),)
    assert not proposal.works_at_once
    assert "next login" in proposal.notes[0]


def test_lines_for_other_users_are_kept(computer: FakeComputer) -> None:
    theirs = "bob - rtprio 51\n"
    proposal = propose_priority(computer.with_limits(theirs), ANN)
    assert proposal.changes == (Change(LIMITS, theirs, theirs + OURS),)


def test_a_file_that_cannot_be_read_stays_as_it_is(computer: FakeComputer) -> None:
    computer.with_limits().path(LIMITS).write_bytes(b"\xff")
    proposal = propose_priority(computer, ANN)
    assert proposal.changes == ()
    assert "can't be read" in proposal.now


@pytest.mark.parametrize(
    ("line", "is_enough"),
    [
        ("ann - rtprio 51", True),
        ("@lab - rtprio 99", True),
        ("* soft rtprio unlimited", True),
        ("ann hard rtprio 99", False),
        ("ann - rtprio 50", False),
        ("#ann - rtprio 51", False),
        ("bob - rtprio 99", False),
        ("ann - nice 51", False),
    ],
)
def test_limits_that_permit_it_are_not_repeated(
    computer: FakeComputer, line: str, is_enough: bool
) -> None:
    computer.with_limits().put("/etc/security/limits.conf", f"# limits\n{line}\n")
    proposal = propose_priority(computer, ANN)
    assert (proposal.changes == ()) == is_enough
    assert not is_enough or "from the next login on" in proposal.now


def test_with_sudo_the_user_behind_it_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "nobody-of-this-name")
    assert this_account() == Account("nobody-of-this-name", (), is_permitted=False)


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_other_systems_are_told_that_this_is_for_linux(platform: str) -> None:
    with pytest.raises(ConfigError, match=f"for Linux, and this is {platform}"):
        check_linux(platform)
