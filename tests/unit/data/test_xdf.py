"""XDF: read as the decoder would have read it live; damage is reported and never a crash."""

import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import pyxdf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rt_ner.core.contract.outputs import VELOCITY_XY
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.xdf.chunks import salvage, scan
from rt_ner.data.formats.xdf.reader import recorded_streams
from rt_ner.data.loading import load_recording, load_session
from rt_ner.data.session.spikes import SpikeCounts, SpikeTimes
from rt_ner.decoding.windows import WindowShape
from rt_ner.offline.dataset import build_dataset
from rt_ner.recalibration.block_file import block_of_recording, load_any_block, load_control
from rt_ner.recalibration.intention.reach_model import ReachModel
from rt_ner.recalibration.intention.screen import Screen
from tests.helpers.xdf_files import Stream, boundary, chunk, reach_recording, xdf

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "xdf"
MS = 1_000_000


def written(folder: Path, content: bytes) -> Path:
    path = folder / "recording.xdf"
    path.write_bytes(content)
    return path


def test_a_recording_is_a_session_with_the_same_counts(tmp_path: Path) -> None:
    content, counts = reach_recording()
    session = load_session(written(tmp_path, content))
    assert isinstance(session.spikes, SpikeCounts)
    np.testing.assert_array_equal(session.spikes.counts, counts)
    assert session.channel_ids == ("a", "b", "c")
    assert session.trials.direction_deg.tolist() == [45.0]
    assert (session.trials.start_ns[0], session.trials.end_ns[0]) == (0, 1500 * MS)
    # Given in mm/s.
    assert np.hypot(*session.behaviour.values.T) == pytest.approx(1.0)
    assert session.behaviour.time_ns[:2].tolist() == [10 * MS, 20 * MS]


def test_a_hands_button_is_kept_as_a_column_to_classify(tmp_path: Path) -> None:
    session = load_recording(written(tmp_path, reach_recording(button="click")[0])).session()
    assert [(one.name, one.unit) for one in session.behaviour.outputs] == [
        ("vx", "cm/s"), ("vy", "cm/s"), ("click", "")
    ]  # fmt: skip
    assert session.behaviour.values[:6, 2].tolist() == [0, 0, 1, 0, 0, 1], "its unit is none"
    assert np.hypot(*session.behaviour.values[:, :2].T) == pytest.approx(1.0)
    for other in ({"button": "mood"}, {"button": "click", "presses": False}):
        session = load_recording(written(tmp_path, reach_recording(**other)[0])).session()
        assert session.behaviour.outputs == VELOCITY_XY, "never pressed, it says nothing"


def test_incomplete_trials_are_left_out_and_reported(tmp_path: Path) -> None:
    recording = load_recording(written(tmp_path, reach_recording()[0]))
    assert "incomplete trials, left out: 1" in recording.warnings


def test_what_was_not_measured_is_no_silence(tmp_path: Path) -> None:
    content, counts = reach_recording(left_out=slice(300, 350))
    recording = load_recording(written(tmp_path, content))
    assert isinstance(recording.spikes, SpikeCounts)
    counts[300:350] = 0
    np.testing.assert_array_equal(recording.spikes.counts, counts)
    assert "samples missing within the recording: 50" in recording.warnings
    assert recording.behaviour is not None
    assert recording.spikes.gaps_ns.tolist() == [[300 * MS, 350 * MS]]
    assert len(recording.behaviour.time_ns) == 200, "no sample of movement is lost"
    # No label until all that a decoder looks back to was measured again.
    shape = WindowShape(hop_ns=10 * MS, bin_ns=30 * MS, history_bins=5)
    ends_ns = build_dataset(recording.session(), shape).labels.end_ns
    assert not ((ends_ns > 300 * MS) & (ends_ns < 500 * MS)).any()
    assert {300 * MS, 500 * MS} <= set(ends_ns.tolist())


def test_clocks_of_two_computers_are_joined_by_their_offsets(tmp_path: Path) -> None:
    content, _ = reach_recording(shift_s=123.0, host="task-computer")
    kinematics = load_recording(written(tmp_path, content)).behaviour
    assert kinematics is not None
    np.testing.assert_allclose(
        kinematics.time_ns, (np.arange(len(kinematics.time_ns)) + 1) * 10 * MS, atol=MS / 100
    )


def test_events_keep_their_units_apart(tmp_path: Path) -> None:
    amp = Stream(1, "amp", "SpikeEvents", ["ch", "unit"], 0, fmt="int32", electrodes=["e1", "e2"])
    rows = [[2, 1], [1, 0], [2, 3], [7, 1]]
    content = xdf(amp.header(), amp.samples([5.25, 5.5, 5.75, 5.8], rows))
    recording = load_recording(written(tmp_path, content))
    spikes = recording.spikes
    assert isinstance(spikes, SpikeTimes)
    assert [spikes.unit_ids[unit] for unit in spikes.unit] == ["e2/1", "e1/0", "e2/3"]
    assert np.diff(spikes.time_ns).tolist() == [250 * MS, 250 * MS]
    assert recording.warnings == ("events without a valid channel and unit, left out: 1",)
    assert [lack.split(":")[0] for lack in recording.missing_for_training()] == [
        "no behaviour",
    ]


def test_broadband_is_detected_as_live(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    voltage = rng.normal(0, 10, (90_000, 1))
    voltage[70_000] = -400
    amp = Stream(1, "amp", "Ephys", ["e1"], 30_000, fmt="float32", unit="microvolts")
    stamps_s = 100 + np.arange(1, 90_001) / 30_000
    content = xdf(amp.header(), amp.samples(stamps_s.tolist(), voltage.tolist()))
    spikes = load_recording(written(tmp_path, content)).spikes
    assert isinstance(spikes, SpikeTimes)
    lsl_s = spikes.time_ns / 1e9 + 100 // 1.8 * 1.8
    assert np.abs(lsl_s - stamps_s[70_000]).min() < 1e-3


def test_several_sources_are_areas(tmp_path: Path) -> None:
    one, two = (
        Stream(number, name, "Spikes", [name], 1000, fmt="int16")
        for number, name in ((1, "left"), (2, "right"))
    )
    rows = [one.samples([1.001], [[1]]), two.samples([1.001], [[2]])]
    path = written(tmp_path, xdf(one.header(), two.header(), *rows))
    assert load_recording(path).areas == ("left", "right")
    assert load_recording(path, "right").channel_ids == ("right",)
    with pytest.raises(SessionError, match="holds left, right"):
        load_recording(path, "middle")


@pytest.mark.skipif(not SHARED.is_dir(), reason="real recordings are not here")
@pytest.mark.parametrize("name", ["minimal", "clock_resets", "empty_streams", "bci4als_EEG"])
def test_real_files_are_read_and_refused_for_their_lack_of_spikes(name: str) -> None:
    recording = load_recording(SHARED / f"{name}.xdf")
    assert len(recording.contents) >= 2
    with pytest.raises(SessionError, match=r"no spikes: no stream of type Spikes"):
        load_session(SHARED / f"{name}.xdf")


def test_a_damaged_recording_is_salvaged_around_the_damage(tmp_path: Path) -> None:
    content, counts = reach_recording()
    second_block = content.index(boundary()) + len(boundary())
    path = written(
        tmp_path, content[: second_block + 20] + bytes(30) + content[second_block + 50 :]
    )
    damaged = load_recording(path)
    assert isinstance(damaged.spikes, SpikeCounts)
    np.testing.assert_array_equal(damaged.spikes.counts[:500], counts[:500])
    np.testing.assert_array_equal(damaged.spikes.counts[1000:], counts[1000:])
    salvage(path, tmp_path / "whole.xdf")
    assert scan(path).damage
    assert not scan(tmp_path / "whole.xdf").damage
    whole = load_recording(tmp_path / "whole.xdf")
    assert isinstance(whole.spikes, SpikeCounts)
    np.testing.assert_array_equal(whole.spikes.counts, damaged.spikes.counts)


def test_sizes_that_lie_take_no_memory(tmp_path: Path) -> None:
    amp = Stream(1, "amp", "Spikes", ["a"], 1000, fmt="int16")
    huge = struct.pack("<I", 1) + bytes([8]) + struct.pack("<Q", 2**60)
    wide = Stream(2, "wide", "Spikes", ["a"], 1000, fmt="int16")
    wide.xml = wide.xml.replace("<channel_count>1<", "<channel_count>999999999999<")
    content = xdf(amp.header(), chunk(3, huge), boundary(), wide.header())
    recording = load_recording(written(tmp_path, content))
    assert recording.spikes is None
    assert len(recording.warnings) == 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_bytes_are_a_crash(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(reach_recording(n_samples=200)[0])
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    path = written(tmp_path, bytes(content[:cut]) + data.draw(st.binary(max_size=30)))
    with suppress(SessionError):
        load_recording(path)


def loop_recording(*movers: str, n_hops: int = 300, has_target: bool = True) -> bytes:
    """Whatever moves the cursor, and a task with a target that changes twice."""
    ends_s = 1800 + (np.arange(n_hops) + 1) / 100
    moves = np.tile([[10.0, 0.0]], (n_hops, 1))
    rows = {}
    for mover in movers:
        if mover.startswith("hand"):
            rows[f"{mover}/kinematics", "Kinematics", "vx vy", "mm/s"] = moves
        else:
            counts = np.tile([[1.0, 2.0]], (n_hops, 1))
            rows[f"{mover}/counts", "Counts", "a b", "spikes"] = counts
            rows[f"{mover}/velocity", "Velocity", "vx vy", "mm/s"] = moves
    rows["task/cursor", "Position", "x y", "cm"] = np.zeros((n_hops, 2))
    if has_target:
        rows["task/target", "Position", "x y radius go", "cm"] = np.array(
            [[hop // 100 * 3.0, 4.0, 1.0, 1.0] for hop in range(n_hops)]
        )
    parts = []
    for number, ((name, lsl_type, labels, unit), values) in enumerate(rows.items()):
        stream = Stream(number + 1, name, lsl_type, labels.split(), 100, unit=unit)
        parts += [stream.header(), stream.samples(ends_s.tolist(), values.tolist())]
    return xdf(*parts)


def test_a_recorded_loop_is_a_block_to_recalibrate_from(tmp_path: Path) -> None:
    path = written(tmp_path, loop_recording("decoder"))
    block = block_of_recording(path, "decoder", "task")
    assert block.channel_ids == ("a", "b")
    assert block.counts.tolist() == [[1, 2]] * 300
    assert block.n_reaches == 3
    np.testing.assert_allclose(block.decoded_cm_s, [[1.0, 0.0]] * 300)
    with pytest.raises(SessionError, match=r"no samples of other/counts, .*holds decoder/counts"):
        block_of_recording(path, "other", "task")


def test_ordinary_use_is_a_block_with_inferred_targets(tmp_path: Path) -> None:
    """No task tells a target there; all on the screen are known."""
    path = written(tmp_path, loop_recording("decoder", has_target=False))
    screen = Screen(np.array([[8.0, 0.0], [-8.0, 0.0]]), ReachModel())
    block = load_any_block(path, "decoder", "task", screen)
    assert block.n_reaches == 1
    np.testing.assert_array_equal(block.target, [[8.0, 0.0, 0.0]] * 300)
    with pytest.raises(SessionError, match="no samples of task/target"):
        load_any_block(path, "decoder", "task")


@pytest.mark.parametrize("movers", [("hand",), ("decoder",), ("decoder", "hand")])
def test_a_recording_shows_control_by_a_hand_or_by_a_decoder(
    tmp_path: Path, movers: tuple[str, ...]
) -> None:
    """A decoder moved the cursor if there was one, whatever the hand did."""
    block = load_control(written(tmp_path, loop_recording(*movers)), "task")
    assert block.n_reaches == 3
    moved, other = block.decoded_cm_s, block.hand_cm_s
    if movers == ("hand",):
        moved, other = other, moved
        assert block.channel_ids == ()
    np.testing.assert_allclose(moved, [[1.0, 0.0]] * len(moved))
    assert np.isnan(other).all()


@pytest.mark.parametrize(
    ("movers", "found"),
    [((), "neither"), (("hand", "hand-2"), "hand, hand-2"), (("one", "two"), "one, two")],
)
def test_a_recording_that_does_not_tell_what_moved_the_cursor_is_refused(
    tmp_path: Path, movers: tuple[str, ...], found: str
) -> None:
    path = written(tmp_path, loop_recording(*movers))
    with pytest.raises(SessionError, match=f"does not tell what moved the cursor.*found {found};"):
        load_control(path, "task")
    if "one" in movers:
        assert load_control(path, "task", "one").channel_ids == ("a", "b")


def test_voltage_stays_on_the_disk_and_is_what_pyxdf_reads(tmp_path: Path) -> None:
    amp = Stream(4, "amp", "Ephys", ["a", "b"], 30_000, fmt="int16", unit="microvolts")
    rng = np.random.default_rng(0)
    volts = rng.integers(-99, 99, (900, 2))
    stamps_s = 50.0 + (np.arange(900) + 1) / 30_000

    def unstamped(rows: slice, stamped: int) -> bytes:
        """A chunk in which only every so many samples has a stamp, as LabRecorder writes them."""
        content = struct.pack("<IBI", 4, 4, len(volts[rows]))
        for n, (stamp_s, row) in enumerate(zip(stamps_s[rows], volts[rows], strict=True)):
            has_stamp = stamped and n % stamped == 0
            content += b"\x08" + struct.pack("<d", stamp_s) if has_stamp else b"\0"
            content += struct.pack("<2h", *row.tolist())
        return chunk(3, content)

    first = amp.samples(stamps_s[:300].tolist(), volts[:300].tolist())
    parts = [first, unstamped(slice(300, 600), 0), boundary(), unstamped(slice(600, 900), 7)]
    path = written(tmp_path, xdf(amp.header(), *parts))
    (streams, _) = pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False)
    recorded = recorded_streams(path)
    (held,) = recorded.load(recorded.infos)[0].values()
    assert not isinstance(held.values, np.ndarray)
    stamps_ns = np.rint(streams[0]["time_stamps"] * 1e9).astype(np.int64)
    np.testing.assert_array_equal(held.stamps_ns, stamps_ns)
    np.testing.assert_array_equal(np.asarray(held.values), volts)
    for rows in (slice(0, 1), slice(290, 310), slice(250, 850), slice(899, 900), slice(900, 990)):
        np.testing.assert_array_equal(held.values[rows], volts[rows])
