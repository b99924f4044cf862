"""Blackrock files: NEV spikes to the tick, broadband through our detector, missing parts."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rt_ner.core.errors import SessionError
from rt_ner.data.loading import load_recording, load_session
from rt_ner.data.session.spikes import SpikeTimes
from tests.helpers.nev_files import nev, nsx

pytest.importorskip("neo")
SPIKES = [(30, 1, 0), (60, 2, 1), (90, 2, 255), (120, 1, 0), (123_457, 2, 2)]


def test_spikes_keep_their_times_and_units(tmp_path: Path) -> None:
    (tmp_path / "a.nev").write_bytes(nev(["chan7", "chan9"], SPIKES))
    recording = load_recording(tmp_path / "a.nev")
    spikes = recording.spikes
    assert isinstance(spikes, SpikeTimes)
    assert recording.channel_ids == ("chan7", "chan9")
    assert spikes.time_ns.tolist() == [1_000_000, 2_000_000, 4_000_000, 4_115_233_333]
    fired = [spikes.unit_ids[unit] for unit in spikes.unit]
    assert fired == ["chan7/0", "chan9/1", "chan7/0", "chan9/2"]
    assert recording.warnings == ("spikes that the sorter marked as noise, left out: 1",)


def test_time_begins_with_the_recording(tmp_path: Path) -> None:
    late = [(time + 37 * 3600 * 30_000 // 40, electrode, unit) for time, electrode, unit in SPIKES]
    (tmp_path / "a.nev").write_bytes(nev(["chan7", "chan9"], late))
    recording = load_recording(tmp_path / "a.nev")
    assert isinstance(recording.spikes, SpikeTimes)
    assert recording.spikes.time_ns[0] == pytest.approx(1_000_000, abs=1)
    assert recording.provenance["zero_of_device_clock_s"] == "3330"


def test_a_truncated_spike_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.nev").write_bytes(nev(["chan7", "chan9"], SPIKES)[:-10])
    recording = load_recording(tmp_path / "a.nev")
    assert isinstance(recording.spikes, SpikeTimes)
    assert len(recording.spikes.time_ns) == 3
    assert recording.warnings[0] == "the NEV file ends within a spike, which is left out"


def test_labels_that_repeat_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.nev").write_bytes(nev(["chan", "chan"], SPIKES))
    assert load_recording(tmp_path / "a.nev", "array").channel_ids == ("elec001", "elec002")


def test_noise_alone_and_nothing_at_all(tmp_path: Path) -> None:
    (tmp_path / "a.nev").write_bytes(nev(["chan7"], [(30, 1, 255)]))
    recording = load_recording(tmp_path / "a.nev")
    assert recording.spikes is None
    assert recording.warnings == ("spikes that the sorter marked as noise, left out: 1",)
    (tmp_path / "a.nev").write_bytes(nev(["chan7"], []))
    with pytest.raises(SessionError, match="headers and no data"):
        load_recording(tmp_path / "a.nev")


def test_endings_in_capitals(tmp_path: Path) -> None:
    (tmp_path / "A.NEV").write_bytes(nev(["chan7", "chan9"], SPIKES))
    if (tmp_path / "A.nev").exists():
        pytest.skip("this file system does not tell capitals apart")
    with pytest.raises(SessionError, match="rename it"):
        load_recording(tmp_path / "A.NEV")


def test_missing_parts_are_reported_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "a.nev").write_bytes(nev(["chan7", "chan9"], SPIKES))
    with pytest.raises(SessionError, match=r"no behaviour: .*rt-ner record"):
        load_session(tmp_path / "a.nev")


def test_broadband_becomes_spikes_and_analog_inputs_movement(tmp_path: Path) -> None:
    voltage = np.random.default_rng(0).normal(0, 10, (90_000, 2))
    voltage[70_000, 1] = -500
    (tmp_path / "a.ns5").write_bytes(nsx(["chan7", "chan9"], voltage))
    position = np.stack([np.arange(3000), np.zeros(3000)], axis=1)
    (tmp_path / "a.ns2").write_bytes(nsx(["x", "y"], position, period=30))
    recording = load_recording(tmp_path / "a.ns5")
    assert isinstance(recording.spikes, SpikeTimes)
    of_nine = recording.spikes.time_ns[recording.spikes.unit == 1]
    assert np.abs(of_nine - 70_000 / 30_000 * 1e9).min() < 1e6
    assert recording.behaviour is not None
    # 1 step a millisecond, each of 5000 / 8191 mV.
    assert recording.behaviour.values[5:9, 0] == pytest.approx(610.4, rel=1e-3)
    assert any("assumed to be cm" in warning for warning in recording.warnings)


def test_files_are_closed_once_they_are_read(tmp_path: Path) -> None:
    for name, content in (("a.nev", nev(["chan7"], SPIKES[:1])), ("b.nev", b"NEURALEV")):
        (tmp_path / name).write_bytes(content)
        with suppress(SessionError):
            load_recording(tmp_path / name)
    mapped = Path("/proc/self/maps")
    if not mapped.is_file():
        pytest.skip("this system does not list what a process has open")
    assert str(tmp_path) not in mapped.read_text(encoding="utf-8")


def test_files_that_break_off_are_refused(tmp_path: Path) -> None:
    for content in (b"NEURALEV", bytes(400)):
        (tmp_path / "a.nev").write_bytes(content)
        with pytest.raises(SessionError, match="not a usable Blackrock file"):
            load_recording(tmp_path / "a.nev")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_bytes_are_a_crash(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(nev(["chan7", "chan9"], SPIKES))
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "a.nev").write_bytes(bytes(content[: data.draw(st.integers(1, len(content)))]))
    with suppress(SessionError):
        load_recording(tmp_path / "a.nev")
