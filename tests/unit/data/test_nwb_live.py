"""NWB written while a session is recorded: whole at any moment, and the same session as XDF."""

import shutil
import struct
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from rt_ner.core.errors import SessionError
from rt_ner.data.loading import load_recording
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.spikes import SpikeCounts
from rt_ner.recalibration.block_file import block_of_recording
from tests.helpers.xdf_files import Stream, reach_recording, xdf

pynwb = pytest.importorskip("pynwb")
import h5py  # noqa: E402

from rt_ner.data.formats.nwb.live.layout import TEXT_BYTES  # noqa: E402
from rt_ner.data.formats.nwb.live.salvage import salvage  # noqa: E402
from rt_ner.data.formats.nwb.live.writing.superblock import checksum  # noqa: E402
from rt_ner.data.formats.streams.stream_info import StreamInfo  # noqa: E402
from rt_ner.data.formats.xdf.reader import recorded_streams  # noqa: E402
from tests.helpers.live_nwb import write_live, writer  # noqa: E402

TEXTS = Stream(1, "task/markers", "Markers", ["event"], 0, fmt="string")
AMP = Stream(2, "amp", "Spikes", ["a", "b", "c"], 1000, fmt="int16")


def info(stream: Stream) -> StreamInfo:
    return StreamInfo(stream.number, ElementTree.fromstring(stream.xml), 0)


def events_recording() -> bytes:
    rng = np.random.default_rng(1)
    amp = Stream(1, "amp", "SpikeEvents", ["ch", "unit"], 0, fmt="int32", electrodes=["e1", "e2"])
    hand = Stream(2, "hand", "Position", ["x", "y"], 100, fmt="float32", unit="cm")
    stamps_s = 7000.0 + np.sort(rng.uniform(0, 3, 500))
    rows = np.stack([rng.integers(1, 3, 500), rng.integers(0, 3, 500)], axis=1)
    hand_s = 7000.0 + np.arange(300) / 100
    return xdf(
        amp.header(),
        hand.header(),
        amp.samples(stamps_s.tolist(), rows.tolist()),
        hand.samples(hand_s.tolist(), rng.normal(size=(300, 2)).tolist()),
    )


def voltage_recording() -> bytes:
    rng = np.random.default_rng(2)
    amp = Stream(1, "amp", "Ephys", ["a", "b"], 30_000, fmt="int16", unit="microvolts")
    volts = rng.normal(0, 60, (45_000, 2)).astype(int)
    stamps_s = 50.0 + (np.arange(45_000) + 1) / 30_000
    blocks = np.array_split(np.arange(45_000), 7)
    chunks = [amp.samples(stamps_s[rows].tolist(), volts[rows].tolist()) for rows in blocks]
    return xdf(amp.header(), *chunks)


def assert_same(one: RecordingFile, other: RecordingFile) -> None:
    """Everything but the names of the files is the same, to the last bit."""
    assert (one.areas, one.channel_ids) == (other.areas, other.channel_ids)
    assert (one.contents, one.warnings) == (other.contents, other.warnings)
    for part in ("spikes", "behaviour", "trials"):
        was, now = getattr(one, part), getattr(other, part)
        assert type(was) is type(now)
        assert was is None or list(was.hashed()) == list(now.hashed())


@pytest.mark.parametrize("content", [reach_recording()[0], events_recording(), voltage_recording()])
def test_the_same_streams_are_the_same_session_in_both_formats(
    content: bytes, tmp_path: Path
) -> None:
    as_xdf, as_nwb = tmp_path / "day.xdf", tmp_path / "day.nwb"
    as_xdf.write_bytes(content)
    write_live(recorded_streams(as_xdf), as_nwb)
    assert_same(load_recording(as_xdf), load_recording(as_nwb))


def test_a_recipe_says_what_markers_mean_in_both_formats(tmp_path: Path) -> None:
    (tmp_path / "day.xdf").write_bytes(reach_recording()[0])
    write_live(recorded_streams(tmp_path / "day.xdf"), tmp_path / "day.nwb")
    found = []
    for ending in ("xdf", "nwb"):
        recipe = tmp_path / f"{ending}.toml"
        rules = '''start = "trial_start {number}"
go = "go {number} direction_deg={direction}"
end = "trial_end {number}"'''
        recipe.write_text(f'file = "day.{ending}"\n[markers]\n{rules}\n')
        found.append(load_recording(recipe))
    assert_same(*found)
    assert found[0].markers == found[1].markers != ()


def test_every_flushed_sample_outlives_the_writer_and_any_program_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "live.nwb"
    file = writer(path, [info(TEXTS), info(AMP)])
    for n in range(1, 5):
        stamps_s = np.arange(300 * (n - 1), 300 * n) / 1000 + 10.0
        file.append(1, stamps_s, np.full((300, 3), n, dtype=np.int16))
        file.append(0, stamps_s[:1], np.array([[f"trial_start {n} é".encode()]], dtype=object))
        file.flush()
        # The file as it would be if its writer were killed now.
        killed = Path(shutil.copyfile(path, tmp_path / "killed.nwb"))
        with pynwb.NWBHDF5IO(killed, "r") as reader:
            held = reader.read().acquisition
            assert held["amp"].data.shape == (300 * n, 3)
            assert len(held["amp"].timestamps) == 300 * n
            assert (held["amp"].data[-300:] == n).all()
            texts = [text.decode() for text in held["task-markers"].data[:]]
        assert texts == [f"trial_start {k} é" for k in range(1, n + 1)]
    assert len(load_recording(killed).contents) == 2
    file.close()
    assert path.stat().st_size < 2_000_000, "what was kept ahead is given back"


def test_a_file_is_valid_nwb_with_an_electrode_per_channel(tmp_path: Path) -> None:
    path = tmp_path / "day.nwb"
    (tmp_path / "day.xdf").write_bytes(voltage_recording())
    write_live(recorded_streams(tmp_path / "day.xdf"), path)
    assert pynwb.validate(path=path) == []
    with pynwb.NWBHDF5IO(path, "r") as reader:
        nwb = reader.read()
        series = nwb.acquisition["amp"]
        assert list(nwb.electrodes["label"][:]) == ["a", "b"]
        assert (series.conversion, len(series.electrodes)) == (pytest.approx(1e-6), 2)
        # The stamps are those of the LSL clock, whose zero is told.
        assert (nwb.session_start_time - nwb.timestamps_reference_time).days == 1
        assert series.timestamps[0] == pytest.approx(50.0 + 1 / 30_000)


def test_a_file_has_no_critical_finding(tmp_path: Path) -> None:
    inspector = pytest.importorskip("nwbinspector")
    path = tmp_path / "day.nwb"
    (tmp_path / "day.xdf").write_bytes(reach_recording()[0])
    write_live(recorded_streams(tmp_path / "day.xdf"), path)
    grave = {"CRITICAL", "ERROR", "PYNWB_VALIDATION"}
    findings = [
        one.message
        for one in inspector.inspect_nwbfile(nwbfile_path=path)
        if one.importance.name in grave
    ]
    assert findings == []


def test_what_was_cut_between_values_and_stamps_is_told_and_salvaged(tmp_path: Path) -> None:
    path = tmp_path / "live.nwb"
    silent = Stream(3, "idle", "Position", ["x", "y"], 100)
    with writer(path, [info(AMP), info(TEXTS), info(silent)]) as file:
        file.append(0, np.arange(1, 501) / 1000, np.ones((500, 3), dtype=np.int16))
    with h5py.File(path, "r+") as damaged:
        damaged["acquisition/amp/timestamps"].resize(450, axis=0)
    recording = load_recording(path)
    assert any("'amp' was cut off: 500 samples but 450" in line for line in recording.warnings)
    assert isinstance(recording.spikes, SpikeCounts)
    assert recording.spikes.counts.sum() == 450 * 3
    counts, lost = salvage(path, tmp_path / "whole.nwb")
    assert counts == {"amp": 450, "task/markers": 0, "idle": 0}
    assert len(lost) == 3
    whole = load_recording(tmp_path / "whole.nwb")
    assert not any("cut off" in line for line in whole.warnings)
    assert len(whole.contents) == 1, "series without samples are gone"


@pytest.mark.parametrize(
    ("was", "now"),
    [("<nominal_srate>1000<", "<nominal_srate>x<"), ("<channel_count>3<", "<channel_count>9<")],
)
def test_an_announcement_that_makes_no_sense_is_refused_in_a_line(
    was: str, now: str, tmp_path: Path
) -> None:
    path = tmp_path / "live.nwb"
    with writer(path, [info(AMP)]) as file:
        file.append(0, np.arange(1, 501) / 1000, np.ones((500, 3), dtype=np.int16))
    with h5py.File(path, "r+") as tampered:
        series = tampered["acquisition/amp"]
        assert was in series.attrs["comments"]
        series.attrs["comments"] = series.attrs["comments"].replace(was, now)
    with pytest.raises(
        SessionError, match=r"live\.nwb: (not a usable NWB|'amp' announces 9 channels but holds 3)"
    ):
        load_recording(path)


def test_a_text_that_is_too_long_is_cut_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "live.nwb"
    long = "ä" * TEXT_BYTES
    with writer(path, [info(TEXTS)]) as file:
        file.append(0, np.array([1.0]), np.array([[long.encode()]], dtype=object))
        assert file.n_cut == 1
    with h5py.File(path, "r") as held:
        (text,) = held["acquisition/task-markers/data"][:]
    assert text.decode() == "ä" * (TEXT_BYTES // 2)


def test_streams_of_one_name_get_series_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "live.nwb"
    with writer(path, [info(AMP), info(AMP), info(AMP)]) as file:
        for number in range(3):
            file.append(number, np.ones(1), np.full((1, 3), number, dtype=np.int16))
    with h5py.File(path, "r") as held:
        firsts = {name: int(one["data"][0, 0]) for name, one in held["acquisition"].items()}
    assert firsts == {"amp": 0, "amp 2": 1, "amp 3": 2}


def test_a_recording_is_never_overwritten_and_only_recordings_hold_blocks(tmp_path: Path) -> None:
    path = tmp_path / "live.nwb"
    writer(path, [info(AMP)]).close()
    with pytest.raises(SessionError, match="already exists"):
        writer(path, [info(AMP)])
    with pytest.raises(SessionError, match="no samples of decoder/counts"):
        block_of_recording(path, "decoder", "task")


def test_the_checksum_is_that_of_hdf5(tmp_path: Path) -> None:
    path = tmp_path / "any.h5"
    with h5py.File(path, "w", libver=("v110", "v110")) as file:
        file["x"] = np.arange(10)
    head = path.read_bytes()[:48]
    assert struct.unpack("<I", head[44:]) == (checksum(head[:44]),)
    # From lookup3's own test.
    assert checksum(b"Four score and seven years ago") == 0x17770551
