"""MATLAB files: TrialData of several labs, and plain arrays of reaches."""

import re
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rt_ner.core.errors import SessionError
from rt_ner.data.formats.matlab import size as matlab_size
from rt_ner.data.loading import load_recording, load_session
from rt_ner.data.session.spikes import SpikeCounts
from tests.helpers.mat_files import V73, header

pytest.importorskip("pymatreader")
h5py = pytest.importorskip("h5py")
scipy_io = pytest.importorskip("scipy.io")
MS = 1_000_000
N_BINS = (50, 60, 55)


def trial_data(path: Path, leave_out: str = "", **changes: object) -> Path:
    """Three trials of two areas, 10 ms bins; the second one failed."""
    rng = np.random.default_rng(0)
    rows = []
    for number, n_bins in enumerate(N_BINS):
        rows.append(
            {
                "bin_size": 0.01,
                "M1_spikes": rng.poisson(0.3, (n_bins, 3)).astype(np.uint8),
                "M1_unit_guide": np.array([[1, 1], [1, 2], [9, 1]]),
                "PMd_spikes": rng.poisson(0.3, (n_bins, 2)).astype(float),
                "vel": np.full((n_bins, 2), [3.0, 4.0]) * (1 + number),
                "target_direction": np.pi / 2 * number,
                "idx_trial_start": 1,
                "idx_go_cue": 11,
                "idx_trial_end": n_bins,
                "result": "RFR"[number],
            }
            | changes
        )
        rows[-1].pop(leave_out, None)
    table = np.zeros((1, len(rows)), dtype=[(name, object) for name in rows[0]])
    for number, row in enumerate(rows):
        table[0, number] = tuple(row.values())
    scipy_io.savemat(path, {"trial_data": table})
    return path


def test_trials_lie_end_to_end_and_failures_are_left_out(tmp_path: Path) -> None:
    recording = load_recording(trial_data(tmp_path / "a.mat"))
    session = recording.session()
    assert isinstance(session.spikes, SpikeCounts)
    assert session.spikes.counts.shape == (N_BINS[0] + N_BINS[2], 3)
    assert session.channel_ids == ("elec001/1", "elec001/2", "elec009/1")
    assert session.trials.start_ns.tolist() == [0, 500 * MS]
    assert session.trials.go_ns.tolist() == [100 * MS, 600 * MS]
    assert session.trials.end_ns.tolist() == [500 * MS, 1050 * MS]
    assert session.trials.direction_deg.tolist() == [0.0, 180.0]
    assert session.behaviour.values[[0, -1]].tolist() == [[3.0, 4.0], [9.0, 12.0]]
    assert re.fullmatch("trials that failed, .*: 1", recording.warnings[0])
    assert recording.areas == ("M1", "PMd")


def test_a_trial_whose_go_cue_is_not_within_it_is_left_out(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="none of 3 trials"):
        load_recording(trial_data(tmp_path / "a.mat", idx_go_cue=500))


def test_an_unknown_go_cue_is_reported(tmp_path: Path) -> None:
    recording = load_recording(trial_data(tmp_path / "a.mat", idx_go_cue=np.nan))
    assert any(
        warning.startswith("trials without a go cue") and warning.endswith(": 2")
        for warning in recording.warnings
    )


def test_positions_become_velocities(tmp_path: Path) -> None:
    position = np.stack([np.arange(50) * 0.02, np.zeros(50)], axis=1)
    changes = {"pos": position, "M1_spikes": np.ones((50, 3)), "idx_trial_end": 50}
    recording = load_recording(trial_data(tmp_path / "a.mat", leave_out="vel", **changes))
    assert recording.behaviour is not None
    assert recording.behaviour.values == pytest.approx(np.tile([2.0, 0.0], (100, 1)))
    assert any("derivative of pos" in warning for warning in recording.warnings)


def test_more_than_memory_holds_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matlab_size, "_MOST_BYTES", 10_000_000)
    stated, unpacked = tmp_path / "stated.mat", tmp_path / "unpacked.mat"
    with h5py.File(stated, "w", userblock_size=512) as file:
        file.create_dataset("counts_M1", (1000, 1000, 10), "f8", chunks=(10, 10, 10))
    packed = zlib.compress(bytes(1 << 24))
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    unpacked.write_bytes(header + struct.pack("<II", 15, len(packed)) + packed)
    assert unpacked.stat().st_size < 100_000
    for path in (stated, unpacked):
        with pytest.raises(SessionError, match="expected at most 0.01 GB"):
            load_recording(path)


def test_a_single_unit_is_a_channel(tmp_path: Path) -> None:
    session = load_session(
        trial_data(tmp_path / "a.mat", M1_spikes=np.ones((50, 1)), vel=np.ones((50, 2)))
    )
    assert session.channel_ids == ("M1-001",)


def test_another_area(tmp_path: Path) -> None:
    path = trial_data(tmp_path / "a.mat")
    assert load_session(path, "PMd").channel_ids == ("PMd-001", "PMd-002")
    with pytest.raises(SessionError, match="no area 'S1': this file holds M1, PMd"):
        load_session(path, "S1")


def test_unknown_velocity_is_left_out(tmp_path: Path) -> None:
    velocity = np.full((50, 2), 1.0)
    velocity[:7] = np.nan
    path = trial_data(
        tmp_path / "a.mat", vel=velocity, M1_spikes=np.ones((50, 3)), idx_trial_end=50
    )
    recording = load_recording(path)
    assert recording.behaviour is not None
    assert len(recording.behaviour.time_ns) == 2 * 43
    assert "bins without velocity: 14" in recording.warnings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"M1_spikes": np.full((50, 3), 0.5)}, "counts are not whole numbers"),
        ({"vel": np.zeros((3, 2))}, "does not fit"),
        ({"bin_size": 0.0}, "bin_size"),
        ({"result": "F"}, "none of 3 trials"),
    ],
)
def test_wrong_values_are_reported(
    changes: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(SessionError, match=message):
        load_recording(trial_data(tmp_path / "a.mat", **changes))


def test_plain_arrays_are_reaches(tmp_path: Path) -> None:
    path = tmp_path / "plain.mat"
    scipy_io.savemat(
        path,
        {
            "counts_M1": np.ones((4, 48, 5), np.uint8),
            "bin_s": 0.03,
            "pad_bins": 4,
            "velocity": np.ones((4, 40, 2)),
            "direction_deg": np.arange(4) * 90,
        },
    )
    session = load_session(path)
    assert session.area == "M1"
    assert session.trials.direction_deg.tolist() == [0, 90, 180, 270]
    assert session.provenance["file"] == "plain.mat"


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    path.write_bytes(bytes(500))
    with pytest.raises(SessionError, match="expected TrialData"):
        load_recording(path)
    scipy_io.savemat(path, {"x": 1.0})
    with pytest.raises(SessionError, match="expected TrialData .*it holds"):
        load_recording(path)


@pytest.mark.usefixtures("probed_by_a_child")
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_bytes_are_a_crash(tmp_path: Path, data: st.DataObject) -> None:
    path = trial_data(tmp_path / "a.mat")
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content[: data.draw(st.integers(1, len(content)))]))
    with suppress(SessionError):
        load_recording(path)


def test_the_first_area_of_version_7_3_is_the_same_in_every_run(tmp_path: Path) -> None:
    """Found while testing: the reader gave the variables in the order of their hashes."""
    h5py = pytest.importorskip("h5py")
    names = ("S1", "PMd", "M1", "PPC", "V4", "IT")
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        for name in names:
            file[f"counts_{name}"] = np.ones((6, 20, 8), dtype=np.uint8)
        file["velocity"] = np.ones((2, 16, 8))
        file["direction_deg"] = np.arange(8.0)
        file["bin_s"], file["pad_bins"] = 0.03, 2.0
    with path.open("r+b") as file:
        file.write(header(V73))
    assert load_recording(path).areas == tuple(sorted(names))
