"""A process is known again by its number and start, and the state file survives a round."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("pylsl")
from rt_ner.core.errors import ConfigError
from rt_ner.rig.file.layout import Rig
from rt_ner.rig.file.settings import RigSettings
from rt_ner.rig.links.tail import LogTail
from rt_ner.rig.links.teller import RigTeller
from rt_ner.rig.plan.part import Part, Plan
from rt_ner.rig.supervision import run as run_module
from rt_ner.rig.supervision.identity import identity_of
from rt_ner.rig.supervision.state_file import RigState, read_state, state_of, write_state
from rt_ner.rig.supervision.supervisor import Member


def proc(folder: Path, start: int, state: str = "S") -> Path:
    (folder / "sys/kernel/random").mkdir(parents=True, exist_ok=True)
    (folder / "sys/kernel/random/boot_id").write_text("boot\n")
    (folder / "7").mkdir(exist_ok=True)
    fields = " ".join([state, *["0"] * 18, str(start), "0"])
    (folder / "7" / "stat").write_text(f"7 (odd ) name) {fields}\n")
    return folder


def test_a_later_process_with_the_same_number_is_another(tmp_path: Path) -> None:
    first = identity_of(7, proc(tmp_path, 100))
    assert first == "boot:100"
    assert identity_of(7, proc(tmp_path, 200)) != first
    assert identity_of(8, tmp_path) == ""


def test_a_process_that_only_waits_to_be_buried_has_ended(tmp_path: Path) -> None:
    assert identity_of(7, proc(tmp_path, 100, "Z")) == ""


def test_the_state_comes_back_as_written(tmp_path: Path) -> None:
    member = Member(Part("view", ("view", "bundle")))
    state = state_of([member], "rig-1", "RUNNING")
    write_state(tmp_path / "state.json", state)
    assert read_state(tmp_path / "state.json") == state
    assert state.pid == os.getpid()
    assert read_state(tmp_path / "none.json") is None


def test_a_damaged_state_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    file.write_text("{")
    with pytest.raises(ConfigError, match="is damaged.*remove the file"):
        read_state(file)


def test_a_state_that_a_full_disk_refused_is_written_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[RigState] = []
    room = iter((False, True))

    def write(_: Path, state: RigState) -> None:
        if not next(room):
            raise OSError(28, "No space left on device")
        written.append(state)

    monkeypatch.setattr(run_module, "Network", lambda: SimpleNamespace(answering=None))
    monkeypatch.setattr(run_module, "write_state", write)
    teller = RigTeller(lambda _: None, tmp_path / "logs", tmp_path / "events")
    run = run_module.RigRun(Rig(RigSettings(day="day1"), tmp_path), Plan(()), teller)
    run._look()
    run._look()
    assert [state.day for state in written] == ["day1"]
    run._look()
    assert len(written) == 1, "nothing has changed"


def test_a_log_is_read_in_complete_lines(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    tail = LogTail(file)
    assert tail.lines() == []
    file.write_text("one\ntw")
    assert tail.lines() == ["one"]
    file.write_text("one\ntwo\n")
    assert tail.lines() == ["two"]
    assert LogTail(file, from_end=True).lines() == []
