"""Recording to NWB: readable after a kill; nothing lost when a stream goes and comes back."""

from pathlib import Path

import numpy as np
import pytest

from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.lsl.streams import open_outlet
from rt_ner.system.processes import ChildProcess, child_process
from tests.helpers.waiting import LONGEST_S, wait_until

pynwb = pytest.importorskip("pynwb")
from rt_ner.data.formats.common.guards.cut_off_hdf5 import opened_hdf5  # noqa: E402


def recorded(folder: Path, source: str) -> list[float]:
    """Stamps of the stream in the file so far, which is read while it is written."""
    for path in folder.rglob("*.nwb"):
        try:
            with opened_hdf5(path) as file:
                return list(file[f"acquisition/{source}-kinematics/timestamps"][:])
        except (OSError, KeyError):
            # Caught between two writes.
            return []
    return []


def test_what_was_recorded_outlives_the_recorder(tmp_path: Path, source_id: str) -> None:
    folder, wanted = tmp_path / "r", source_id_of(source_id, Kind.KINEMATICS)
    outlet = open_outlet(source_id, Kind.KINEMATICS, ["vx", "vy"], "cm/s", None)
    record = ["record", str(folder), "--format", "nwb", "--no-report", "--wait-for", wanted]
    n_sent, n_seen = 0, 0
    with child_process(record, tmp_path) as recorder:
        wait_until(lambda: recorder.events("recording") or recorder.has_ended())

        def is_recorded() -> bool:
            nonlocal n_sent, n_seen
            outlet.push_sample([float(n_sent), 0.5], 100.0 + n_sent)
            n_sent += 1
            n_seen = max(n_seen, len(recorded(folder, source_id)))
            return n_seen > 100

        wait_until(is_recorded)
        # SIGKILL, or what Windows has in its place.
        recorder.kill()
    (path,) = folder.rglob("*.nwb")
    with opened_hdf5(path) as file:
        held = file[f"acquisition/{source_id}-kinematics"]
        n_whole = min(len(held["data"]), len(held["timestamps"]))
        values, stamps_s = held["data"][:n_whole], held["timestamps"][:n_whole]
    assert n_seen <= n_whole <= n_sent
    np.testing.assert_array_equal(stamps_s, 100.0 + np.arange(n_whole))
    np.testing.assert_array_equal(values, np.stack([np.arange(n_whole), np.full(n_whole, 0.5)], 1))
    with pynwb.NWBHDF5IO(path, "r") as reader:
        assert f"{source_id}-kinematics" in reader.read().acquisition


def push_until_recorded(recorder: ChildProcess, folder: Path, source: str, stamp_s: float) -> None:
    """Open the stream, and close it once a sample of it is recorded."""
    outlet = open_outlet(source, Kind.KINEMATICS, ["vx", "vy"], "cm/s", None)
    event = "back" if recorded(folder, source) else "recording"
    wait_until(lambda: recorder.events(event) or recorder.has_ended())

    def is_recorded() -> bool:
        outlet.push_sample([1.0, 2.0], stamp_s)
        return stamp_s in recorded(folder, source)

    wait_until(is_recorded)


def test_a_stream_that_comes_back_is_recorded_on(tmp_path: Path, source_id: str) -> None:
    folder, wanted = tmp_path / "r", source_id_of(source_id, Kind.KINEMATICS)
    record = ["record", str(folder), "--format", "nwb", "--no-report", "--wait-for", wanted]
    with child_process(record, tmp_path) as recorder:
        push_until_recorded(recorder, folder, source_id, 100.0)
        wait_until(lambda: {"source_id": wanted} in recorder.events("gone"))
        push_until_recorded(recorder, folder, source_id, 200.0)
        recorder.interrupt()
        recorder.finish(LONGEST_S)
    assert set(recorded(folder, source_id)) == {100.0, 200.0}
