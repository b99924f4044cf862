"""NWB: written and read back without a changed bit; DANDI's archives."""

import sys
import tracemalloc
import warnings
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rt_ner.core.clock import NS_PER_S as S
from rt_ner.core.errors import SessionError
from rt_ner.data.loading import load_recording, load_session
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts, SpikeTimes
from rt_ner.data.session.trials import Trials
from rt_ner.data.summary import summary_json

h5py = pytest.importorskip("h5py")
pynwb = pytest.importorskip("pynwb")
from rt_ner.data.formats.nwb.writer import write  # noqa: E402

MS = 1_000_000


def counted_session() -> Session:
    rng = np.random.default_rng(0)
    ends = np.arange(1, 41, dtype=np.int64) * 30 * MS
    times = np.array([0, 600 * MS], dtype=np.int64)
    return Session(
        name="counted",
        area="M1",
        channel_ids=("a", "b"),
        spikes=SpikeCounts(rng.poisson(1.0, (40, 2)).astype(np.uint8), 30 * MS),
        behaviour=Behaviour(ends, rng.normal(size=(40, 2))),
        trials=Trials(
            times, times + 90 * MS, times + 600 * MS, np.array([0.1, 90]), np.ones((2, 2))
        ),
        provenance={"made": "here"},
    )


def test_a_simulated_session_comes_back_to_the_last_bit(
    small_session: Session, tmp_path: Path
) -> None:
    write(small_session, tmp_path / "out.nwb")
    back = load_session(tmp_path / "out.nwb")
    was, now = small_session.spikes, back.spikes
    assert isinstance(was, SpikeTimes)
    assert isinstance(now, SpikeTimes)
    # Spikes of one nanosecond have no order.
    in_order = np.lexsort((was.unit, was.time_ns))
    np.testing.assert_array_equal(now.time_ns, was.time_ns[in_order])
    np.testing.assert_array_equal(now.unit, was.unit[in_order])
    np.testing.assert_array_equal(now.unit_channel, was.unit_channel)
    assert now.unit_ids == was.unit_ids
    expect_same_but_spikes(back, small_session)


def test_what_was_not_observed_is_a_gap(tmp_path: Path) -> None:
    nwb = pynwb.NWBFile("gaps", "gaps", datetime(2020, 1, 1, tzinfo=UTC))
    device = nwb.create_device("array")
    group = nwb.create_electrode_group("M1", "M1", "M1", device)
    for unit, observed in enumerate(([[1.0, 4.0], [6.0, 9.0]], [[2.0, 4.0]])):
        nwb.add_electrode(location="M1", group=group)
        nwb.add_unit(spike_times=[2.5, 3.0, 8.0], electrodes=[unit], obs_intervals=observed)
    nwb.add_invalid_time_interval(start_time=2.9, stop_time=3.5)
    nwb.add_invalid_time_interval(start_time=3.2, stop_time=3.6)
    with pynwb.NWBHDF5IO(tmp_path / "gaps.nwb", "w") as file:
        file.write(nwb)
    recording = load_recording(tmp_path / "gaps.nwb")
    assert recording.spikes is not None
    gaps_s = recording.spikes.gaps_ns / S
    assert gaps_s[1:-1].tolist() == [[2.9, 3.6], [4.0, 6.0]]
    assert gaps_s[0, 1] == 1.0
    assert gaps_s[-1, 0] == 9.0
    counted = {
        int(stamp_ns)
        for chunk in recording.spikes.raster(0, 10 * S)
        for stamp_ns in chunk.stamp_ns[chunk.counts.any(axis=1)]
    }
    assert counted == {2_501_000_000, 8_001_000_000}, "the spike at 3 s lies in invalid time"
    assert any(warning.startswith("1 unit(s) were observed") for warning in recording.warnings)
    summary = summary_json(recording)
    assert summary["gaps_s"] == [(0.0, 1.0), (2.9, 3.6), (4.0, 6.0)]


def test_counts_come_back_as_counts(tmp_path: Path) -> None:
    session = counted_session()
    write(session, tmp_path / "out.nwb")
    back = load_session(tmp_path / "out.nwb")
    assert isinstance(back.spikes, SpikeCounts)
    np.testing.assert_array_equal(back.spikes.counts, session.spikes.counts)
    expect_same_but_spikes(back, session)
    assert back.sha256 == session.sha256


def expect_same_but_spikes(back: Session, session: Session) -> None:
    for what in ("name", "area", "channel_ids", "provenance"):
        assert getattr(back, what) == getattr(session, what)
    for part in ("behaviour", "trials"):
        for name, values in vars(getattr(session, part)).items():
            np.testing.assert_array_equal(getattr(getattr(back, part), name), values)


def test_what_is_written_is_valid_and_never_overwritten(tmp_path: Path) -> None:
    write(counted_session(), tmp_path / "out.nwb")
    assert list(pynwb.validate(path=str(tmp_path / "out.nwb"))) == []
    with pytest.raises(SessionError, match="already exists"):
        write(counted_session(), tmp_path / "out.nwb")


def archive(path: Path, like: str, with_trials: bool = True) -> Path:
    """A small file as in DANDI 000128 (``maze``) or 000688 (``perich``)."""
    path.write_bytes(archive_bytes(like, with_trials))
    return path


@cache
def archive_bytes(like: str, with_trials: bool = True) -> bytes:
    nwb = pynwb.NWBFile(like, like, datetime(2020, 1, 1, tzinfo=UTC))
    device = nwb.create_device("array")
    groups = {area: nwb.create_electrode_group(area, area, area, device) for area in ("M1", "PMd")}
    for area in ("M1", "PMd", "PMd"):
        nwb.add_electrode(location=area, group=groups[area])
    trains = ([0.1, 0.2], [0.3], [-0.5, 0.4])
    for row, train in enumerate(trains):
        if like == "maze":
            nwb.add_unit(spike_times=train, electrodes=[row], electrode_group=groups["PMd"])
        else:
            nwb.add_unit(spike_times=train, electrodes=[row])
    time_s = np.arange(0, 3, 0.01)
    place = np.stack([np.sin(time_s), np.cos(time_s)], axis=1)
    behavior = nwb.create_processing_module("behavior", "movement")
    if like == "maze":
        behavior.add(pynwb.TimeSeries(name="hand_vel", data=place, unit="mm/s", rate=100.0))
        behavior.add(pynwb.TimeSeries(name="eye_pos", data=place, unit="mm", rate=100.0))
    else:
        position = pynwb.behavior.Position(name="Position")
        position.create_spatial_series(
            "cursor_position", data=place, unit="cm", timestamps=time_s, reference_frame="centre"
        )
        behavior.add(position)
    if with_trials:
        add_trials(nwb, like)
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "archive.nwb"
        with pynwb.NWBHDF5IO(path, "w") as file:
            file.write(nwb)
        return path.read_bytes()


def add_trials(nwb: "pynwb.NWBFile", like: str) -> None:
    nwb.add_trial_column("go_cue_time", "go")
    extra = {"maze": ("target_pos", "active_target", "success"), "perich": ("target_dir", "result")}
    for name in extra[like]:
        nwb.add_trial_column(name, name, **({"index": True} if name == "target_pos" else {}))
    for number, start_s in enumerate((0.0, 1.0, 2.0)):
        told = (
            {
                "target_pos": [[10.0, 0.0], [0.0, 20.0]],
                "active_target": number % 2,
                "success": number < 2,
            }
            if like == "maze"
            else {"target_dir": np.pi / 2 * number, "result": "RRF"[number]}
        )
        nwb.add_trial(
            start_time=start_s, stop_time=start_s + 0.9, go_cue_time=start_s + 0.1, **told
        )


@pytest.mark.parametrize(("like", "speed"), [("maze", 0.1), ("perich", 1.0)])
def test_archives_are_read(like: str, speed: float, tmp_path: Path) -> None:
    session = load_session(archive(tmp_path / "a.nwb", like))
    assert session.area == "PMd"
    assert session.channel_ids == ("elec002/1", "elec003/1")
    # A spike before zero moves all by a step that every usual bin divides.
    assert isinstance(session.spikes, SpikeTimes)
    assert session.spikes.time_ns.tolist() == [1300 * MS, 2100 * MS, 2200 * MS]
    assert session.trials.start_ns.tolist() == [1800 * MS, 2800 * MS]
    assert session.trials.go_ns.tolist() == [1900 * MS, 2900 * MS]
    assert session.trials.direction_deg.tolist() == [0.0, 90.0]
    assert np.hypot(*session.behaviour.values[1:-1].T) == pytest.approx(speed, rel=1e-3)


def test_an_area_is_picked(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.nwb", "perich")
    assert load_recording(path).areas == ("PMd", "M1")
    assert load_session(path, "M1").channel_ids == ("elec001/1",)
    with pytest.raises(SessionError, match="no area 'S1': this file holds PMd, M1"):
        load_session(path, "S1")


def test_missing_parts_are_reported(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.nwb", "maze", with_trials=False)
    recording = load_recording(path)
    assert recording.missing["trials"] == "no trials table with start_time and stop_time"
    assert recording.session().trials.are_blocks
    assert recording.missing_for_training() == []


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    import h5py

    path = tmp_path / "a.nwb"
    path.write_bytes(bytes(100))
    with pytest.raises(SessionError, match="expected an HDF5 file"):
        load_recording(path)
    with h5py.File(path, "w") as file:
        file["x"] = 1
    with pytest.raises(SessionError, match="but not NWB: it states no nwb_version, and holds x"):
        load_recording(path)


def altered(path: Path, dataset: str, values: object) -> Path:
    """An archive in which a dataset is replaced, its attributes kept."""
    import h5py

    with h5py.File(archive(path, "perich"), "r+") as file:
        attributes = dict(file[dataset].attrs)
        del file[dataset]
        if isinstance(values, int):
            file.create_dataset(dataset, shape=(values,), dtype="f8", chunks=True)
        else:
            file[dataset] = values
        file[dataset].attrs.update(attributes)
    return path


STAMPS = "processing/behavior/Position/cursor_position/timestamps"


@pytest.mark.parametrize(
    ("dataset", "values", "message"),
    [
        (
            "units/spike_times",
            [0.1, 0.2, np.nan, -0.5, 0.4],
            "1 of 5 spike times are NaN or beyond",
        ),
        ("units/spike_times", [0.1, 0.2, 1e300, -0.5, 0.4], "1 of 5 spike times are NaN or beyond"),
        ("units/spike_times", [b"a"] * 5, "spike_times are .*: expected seconds as numbers"),
        ("units/spike_times", [0.1, 0.2], "spike_times_index doesn't fit 2 spike times"),
        ("units/spike_times", 10**12, "spike_times: 8,000 GB, expected at most 2 GB"),
        (STAMPS, 10**9, "timestamps of cursor_position: 8 GB, expected at most 2 GB"),
        (STAMPS, [0.0, 1.0], "cursor_position has 300 samples but timestamps"),
    ],
)
def test_a_file_that_lies_is_refused_by_name(
    dataset: str, values: object, message: str, tmp_path: Path
) -> None:
    with pytest.raises(SessionError, match=message):
        load_recording(altered(tmp_path / "a.nwb", dataset, values))


def test_a_trial_whose_target_is_unknown_goes_where_the_hand_went(tmp_path: Path) -> None:
    import h5py

    path = archive(tmp_path / "a.nwb", "maze")
    with h5py.File(path, "r+") as file:
        file["intervals/trials/active_target"][1] = 9
    directions = load_session(path).trials.direction_deg
    assert directions[0] == 0.0
    assert np.isfinite(directions[1])


def test_a_write_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        write(counted_session(), tmp_path / "out.nwb")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("probed_by_a_child")
def test_a_file_that_hdf5_cannot_get_through_is_an_error_of_one_line(tmp_path: Path) -> None:
    """Found by fuzzing: pynwb took all memory for some such files."""
    path = archive(tmp_path / "a.nwb", "perich")
    content = bytearray(path.read_bytes())
    headers = [at for at in range(len(content)) if content[at : at + 4] == b"TREE"]
    for at in headers:
        content[at : at + 8] = bytes(8)
    path.write_bytes(bytes(content))
    with pytest.raises(SessionError, match="damaged, get an intact copy: ") as refused:
        load_recording(path)
    assert "\n" not in str(refused.value)


@pytest.mark.usefixtures("probed_by_a_child")
@pytest.mark.skipif(sys.platform == "win32", reason="the fake interpreter is a shell script")
def test_a_file_that_crashes_hdf5_itself_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive(tmp_path / "a.nwb", "perich")
    crashing = tmp_path / "python"
    crashing.write_text("#!/bin/sh\nkill -SEGV $$\n")
    crashing.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(crashing))
    with pytest.raises(SessionError, match="HDF5's library crashes on it"):
        load_recording(path)


@pytest.mark.usefixtures("probed_by_a_child")
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_bytes_are_a_crash(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(archive_bytes("perich"))
    for _ in range(data.draw(st.integers(0, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "a.nwb"
    path.write_bytes(bytes(content[: data.draw(st.integers(1, len(content)))]))
    with suppress(SessionError):
        load_recording(path)


def test_what_is_not_used_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.nwb"
    write(counted_session(), path)
    with pynwb.NWBHDF5IO(path, "a") as io:
        nwb = io.read()
        nwb.add_acquisition(
            pynwb.TimeSeries(name="raw", data=np.zeros((1, 96)), unit="volts", rate=30_000.0)
        )
        io.write(nwb)
    with h5py.File(path, "r+") as file:
        # Two gigabytes of voltage that take no place on the disk.
        attributes = dict(file["acquisition/raw/data"].attrs)
        del file["acquisition/raw/data"]
        shape = (10_000_000, 96)
        raw = file["acquisition/raw"].create_dataset("data", shape, np.int16, chunks=(1000, 96))
        raw.attrs.update(attributes)
    tracemalloc.start()
    try:
        assert load_session(path).sha256 == counted_session().sha256
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()
