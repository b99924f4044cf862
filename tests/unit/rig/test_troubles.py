"""A rig notices what goes wrong around its parts, and keeps it with its time."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("pylsl")
from rt_ner.record import recorder
from rt_ner.record.rig_events import Happened, read_rig_events
from rt_ner.rig.links import teller as teller_module
from rt_ner.rig.links.teller import RigTeller
from rt_ner.rig.supervision.identity import is_stopped
from rt_ner.rig.troubles import disk as disk_module
from rt_ner.rig.troubles.clock import Moment, clock_troubles, moment
from rt_ner.rig.troubles.disk import DiskWatch
from rt_ner.rig.troubles.network import InterfaceWatch, StreamWatch
from rt_ner.rig.troubles.parts import FreezeWatch
from tests.unit.rig.test_state import proc


def kinds(events: Any) -> list[tuple[Happened, str]]:
    return [(kind, of) for kind, of, _ in events]


@pytest.mark.parametrize(
    ("now", "paused_s", "expected"),
    [
        (Moment(100.2, 5000.2), 0.2, []),
        # NTP slows and hastens a clock by 500 ppm at most.
        (Moment(100.2, 5000.2 + 1e-4), 0.2, []),
        (Moment(100.2, 8600.2), 0.2, ["set forward by 1 h 00 min 00 s"]),
        (Moment(100.2, 4998.2), 0.2, ["set back by 2.0 s"]),
        (Moment(102.2, 5002.2), 2.2, ["stood still for 2.2 s"]),
        (Moment(100.2, 5030.2, 30.0), 0.2, ["the computer slept for 30 s"]),
    ],
)
def test_a_clock_that_was_set_and_a_sleep_are_told_apart(
    now: Moment, paused_s: float, expected: list[str]
) -> None:
    events = list(clock_troubles(Moment(100.0, 5000.0), now, paused_s))
    assert len(events) == len(expected)
    assert all(words in text for words, (_, _, text) in zip(expected, events, strict=True))
    assert list(clock_troubles(before := moment(), before, 0.0)) == []


def test_a_part_that_is_stopped_is_told_and_that_it_goes_on(tmp_path: Path) -> None:
    assert is_stopped(7, proc(tmp_path, 100, "T"))
    assert not is_stopped(7, proc(tmp_path, 100, "S"))
    assert not is_stopped(8, tmp_path), "there is none"
    stopped: set[int] = set()
    watch = FreezeWatch(stopped.__contains__)
    assert list(watch.look({"decoder": 7}, 0.0)) == []
    stopped.add(7)
    assert kinds(watch.look({"decoder": 7}, 1.0)) == [(Happened.FROZEN, "decoder")]
    assert list(watch.look({"decoder": 7}, 2.0)) == [], "once"
    stopped.clear()
    (back,) = watch.look({"decoder": 7}, 3.0)
    assert back == (Happened.BACK, "decoder", "goes on after 2.0 s")
    stopped.add(7)
    list(watch.look({"decoder": 7}, 4.0))
    assert list(watch.look({"decoder": 9}, 5.0)) == [], "a new process"


def test_a_full_disk_and_a_drive_that_is_pulled_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number: list[object] = [None]
    free = [10e9]
    monkeypatch.setattr(disk_module, "place_of", lambda _: number[0])
    monkeypatch.setattr(recorder.shutil, "disk_usage", lambda _: SimpleNamespace(free=free[0]))
    watch = DiskWatch(tmp_path)
    seen: list[tuple[Happened, str]] = []
    # Not there yet; there; full; room again; pulled; the folder below it, and the drive again.
    for number[0], free[0] in [
        (None, 10e9), (5, 10e9), (5, 0.1e9), (5, 10e9), (1, 10e9), (1, 10e9), (5, 10e9),
    ]:  # fmt: skip
        seen += kinds(watch.look())
    assert [kind for kind, _ in seen] == [
        Happened.FULL, Happened.BACK, Happened.GONE, Happened.BACK,
    ]  # fmt: skip
    number[0] = None
    assert kinds(watch.look()) == [(Happened.GONE, "recordings")]
    number[0] = 6
    assert "but another one" in next(iter(watch.look()))[2]


def test_an_interface_that_goes_down_is_told() -> None:
    up = {"lo", "eth0"}
    watch = InterfaceWatch(lambda: set(up))
    up.remove("eth0")
    assert kinds(watch.look()) == [(Happened.GONE, "network")]
    up.add("eth0")
    assert kinds(watch.look()) == [(Happened.BACK, "network")]
    assert list(watch.look()) == []


def stream(source_id: str, uid: str) -> Any:
    return SimpleNamespace(
        source_id=lambda: source_id, uid=lambda: uid, name=lambda: source_id,
        type=lambda: "Spikes", channel_count=lambda: 1, nominal_srate=lambda: 0.0,
        hostname=lambda: "host",
    )  # fmt: skip


def test_strangers_and_lost_streams_are_told_but_no_part_that_starts_again() -> None:
    answering = {"a1"}
    watch = StreamWatch({"amp/spikes"}, {"amp", "dec"}, lambda info: info.uid() in answering)
    amp, video = stream("amp/spikes", "a1"), stream("video", "v")
    assert list(watch.look([amp, video])) == [], "it was there before"
    assert kinds(watch.look([amp, video, stream("other/spikes", "o")])) == [
        (Happened.STRANGER, "network")
    ]
    twin = stream("amp/spikes", "a2")
    assert "second stream" in next(iter(watch.look([amp, video, twin])))[2]
    # The first one ends, and is started anew: its old stream is visible, and does not answer.
    answering.clear()
    assert list(watch.look([amp, video, stream("amp/spikes", "a3")])) == []
    answering.add("a1")
    anew = [amp, video, stream("amp/spikes", "a3")]
    assert kinds(watch.look(anew)) == [(Happened.STRANGER, "network")], "it was only slow"
    assert kinds(watch.look([video])) == [(Happened.GONE, "network")]
    assert kinds(watch.look([video, stream("amp/spikes", "a4")])) == [(Happened.BACK, "network")]


def test_events_are_kept_with_both_times_and_written_when_the_disk_takes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teller_module, "local_now_ns", lambda: 42)
    shown: list[str] = []
    file = tmp_path / "gone" / "rig.jsonl"
    teller = RigTeller(shown.append, tmp_path / "logs", file)
    file.parent.write_text("in the way")
    teller.note(Happened.DIED, "decoder", "has ended")
    file.parent.unlink()
    teller.recording = "r.xdf"
    teller.keep_up()
    teller.note(Happened.STARTED, "decoder", "started")
    file.write_bytes(file.read_bytes() + b'{"kind": "dam')
    events, n_unreadable = read_rig_events(file)
    assert [(one.kind, one.of, one.time_ns, one.recording) for one in events] == [
        (Happened.DIED, "decoder", 42, ""), (Happened.STARTED, "decoder", 42, "r.xdf"),
    ]  # fmt: skip
    assert n_unreadable == 1
    assert shown[0] == "decoder: has ended"
    (line, _) = (tmp_path / "logs" / "rig.log").read_text().splitlines()
    stamp, _, said = line.partition(" decoder: ")
    assert said == "has ended"
    assert stamp[-6] in "+-", "with its offset from UTC: no hour comes twice"


def test_events_are_all_on_the_drive_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teller_module, "local_now_ns", lambda: 42)
    drive, elsewhere = tmp_path / "drive", tmp_path / "elsewhere"
    teller = RigTeller(lambda _: None, tmp_path / "logs", drive / "rig.jsonl")

    def note(text: str) -> None:
        teller.note(Happened.DIED, "recorder", text)

    def texts() -> list[str]:
        return [event.text for event in read_rig_events(drive / "rig.jsonl")[0]]

    note("before")
    drive.rename(elsewhere)
    note("pulled")
    assert texts() == ["before", "pulled"], "in a new folder in its place"
    drive.rename(tmp_path / "hidden")
    elsewhere.rename(drive)
    teller.keep_up()
    assert texts() == ["before", "pulled"]
    note("after")
    assert texts() == ["before", "pulled", "after"]
