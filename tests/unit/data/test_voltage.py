"""Recorded voltage: either value, any reference, kept with the session and with its bundle."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from drivers.replay.packets import packets_of
from offline_training.training import save_trained, train_bundle
from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.storage import load_bundle
from rt_ner.cli import build_app
from rt_ner.core.errors import SessionError
from rt_ner.data.formats.common.voltage import VoltageCounter
from rt_ner.data.loading import load_recording, load_session, save_session
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts, SpikeTimes
from rt_ner.data.summary import summary_json
from rt_ner.decoding.binning.voltage.power import PowerReader
from rt_ner.decoding.binning.voltage.settings import CROSSINGS, VoltageSettings
from rt_ner.decoding.input.settings import InputKind
from rt_ner.decoding.input.spike_stream import SpikeStream
from rt_ner.decoding.windows import WindowShape
from rt_ner.offline.dataset import build_dataset
from rt_ner.offline.decoding import decode_session
from tests.helpers.nev_files import nsx
from tests.helpers.sessions import quick_settings
from tests.helpers.xdf_files import Stream, xdf

MS = 1_000_000
POWER = VoltageSettings(value="spike-band-power")
MEDIAN = VoltageSettings(value="spike-band-power", reference="median")


def power_session(like: Session) -> Session:
    """Return a session whose power in each millisecond is 200 µV samples, and 60 more per spike."""
    counts = np.concatenate(
        [200 + 60 * chunk.counts.astype(np.uint16) for chunk in like.spikes.raster(0, like.end_ns)]
    )
    return replace(like, spikes=SpikeCounts(counts.astype(np.uint16), MS), voltage=POWER)


def ephys(n_samples: int, unit: str = "microvolts") -> tuple[bytes, np.ndarray]:
    """Return an XDF file of two channels of noise from 1800 s on, and their voltage in µV."""
    voltage = np.rint(np.random.default_rng(0).normal(0, 40, (n_samples, 2)))
    amp = Stream(1, "amp", "Ephys", ["e1", "e2"], 30_000, fmt="float32", unit=unit)
    stamps_s = 1800 + np.arange(1, n_samples + 1) / 30_000
    sent = voltage / {"microvolts": 1, "millivolts": 1000}[unit]
    return xdf(amp.header(), amp.samples(stamps_s.tolist(), sent.tolist())), voltage


@pytest.mark.parametrize("unit", ["microvolts", "millivolts"])
def test_power_of_a_recording_is_the_readers(tmp_path: Path, unit: str) -> None:
    content, voltage = ephys(6000, unit)
    (tmp_path / "a.xdf").write_bytes(content)
    recording = load_recording(tmp_path / "a.xdf", None, POWER)
    sizes = np.zeros(voltage.shape, dtype=np.int16)
    PowerReader(2, 30_000, 1.0, 2.0, POWER).read(voltage, sizes)
    sums = sizes.reshape(200, 30, 2).sum(axis=1)
    sums[:50] = 0
    assert isinstance(recording.spikes, SpikeCounts)
    assert (recording.spikes.bin_ns, recording.voltage) == (MS, POWER)
    assert np.abs(recording.spikes.counts - sums).max() <= (unit == "millivolts")
    summary = summary_json(recording)
    assert summary["spikes_per_s"] is None
    assert summary["voltage"] == {"value": "spike-band-power", "reference": "none", "bank": 32}


def test_power_of_a_blackrock_file_is_in_microvolts(tmp_path: Path) -> None:
    raw = np.rint(np.random.default_rng(0).normal(0, 40, (6000, 2)))
    (tmp_path / "a.ns5").write_bytes(nsx(["chan7", "chan9"], raw))
    recording = load_recording(tmp_path / "a.ns5", None, POWER)
    sizes = np.zeros(raw.shape, dtype=np.int16)
    # 8191 units are 5000 mV in these files.
    PowerReader(2, 30_000, 5e6 / 8191, 2.0, POWER).read(raw, sizes)
    assert isinstance(recording.spikes, SpikeCounts)
    assert recording.spikes.counts.sum() == pytest.approx(sizes[1500:].sum(), rel=0.01)
    assert any("spike-band power of 2 broadband" in warning for warning in recording.warnings)
    assert any("limited" in warning for warning in recording.warnings)


def test_a_gap_is_not_measured(tmp_path: Path) -> None:
    stream = SpikeStream(InputKind.BROADBAND, 30_000.0, "float32", ("a",), ())
    for voltage in (POWER, CROSSINGS):
        counter = VoltageCounter(stream, voltage)
        ends_ns = np.rint(np.arange(1, 90_001) * 1e9 / 30_000).astype(np.int64)
        kept = np.r_[0:75_000, 78_000:90_000]
        noise = np.random.default_rng(0).normal(0, 10, (len(kept), 1))
        counter.push(ends_ns[kept], noise)
        learned_ms = 50 if voltage.is_power else 2000
        assert counter.gaps_ns() // MS == pytest.approx(
            np.array([[0, learned_ms], [2500, 2650]]), abs=1
        )


def test_nothing_measured_is_one_gap_and_no_power() -> None:
    stream = SpikeStream(InputKind.BROADBAND, 30_000.0, "float32", ("a",), ())
    ends_ns = np.rint(np.arange(1, 901) * 1e9 / 30_000).astype(np.int64)
    for voltage in (POWER, CROSSINGS):
        counter = VoltageCounter(stream, voltage)
        counter.push(ends_ns, np.zeros((900, 1)))
        assert counter.gaps_ns().tolist() == [[0, 30 * MS]]
    with pytest.raises(SessionError, match="too short for its spike-band power"):
        VoltageCounter(stream, POWER).spikes()


def test_a_crossing_has_the_time_of_its_samples_middle() -> None:
    """As it is binned live; its end could be the beginning of the next hop."""
    stream = SpikeStream(InputKind.BROADBAND, 30_000.0, "float32", ("a",), ())
    counter = VoltageCounter(stream, CROSSINGS)
    voltage = np.random.default_rng(0).normal(0, 10, (72_000, 1))
    voltage[65_998:66_002] -= 300
    ends_ns = np.rint(np.arange(1, 72_001) * 1e9 / 30_000).astype(np.int64)
    counter.push(ends_ns, voltage)
    spikes = counter.spikes()
    assert isinstance(spikes, SpikeTimes)
    nearest = spikes.time_ns[np.abs(spikes.time_ns - 2_200_000_000).argmin()]
    assert (nearest + 16_666) in ends_ns


def test_a_session_of_power_keeps_its_kind(small_session: Session, tmp_path: Path) -> None:
    session = power_session(small_session)
    save_session(session, tmp_path / "power.npz")
    back = load_session(tmp_path / "power.npz")
    assert (back.sha256, back.voltage) == (session.sha256, POWER)
    assert load_session(tmp_path / "power.npz", None, POWER).voltage == POWER
    for other in (CROSSINGS, MEDIAN):
        with pytest.raises(SessionError, match="holds spike-band-power without a reference, not"):
            load_session(tmp_path / "power.npz", None, other)
    with pytest.raises(SessionError, match="write it as .npz"):
        save_session(session, tmp_path / "power.nwb")
    with pytest.raises(SessionError, match="no spikes that could be replayed"):
        packets_of(session)


def test_a_session_of_spikes_has_no_power(small_session: Session, tmp_path: Path) -> None:
    save_session(small_session, tmp_path / "spikes.npz")
    header = np.load(tmp_path / "spikes.npz")["rt_ner_session"].tobytes()
    assert "voltage" not in json.loads(header)
    assert load_session(tmp_path / "spikes.npz", None, CROSSINGS).voltage == CROSSINGS
    with pytest.raises(SessionError, match=r"not spike-band-power .* \(.xdf, .ns5, .ns6\)"):
        load_session(tmp_path / "spikes.npz", None, POWER)


def test_sums_of_power_are_exact(small_session: Session) -> None:
    counts = np.full((small_session.end_ns // MS, 96), 60_000, dtype=np.uint16)
    session = replace(small_session, spikes=SpikeCounts(counts, MS), voltage=POWER)
    shape = WindowShape(hop_ns=10 * MS, bin_ns=50 * MS, history_bins=4)
    windows = build_dataset(session, shape).windows
    assert (windows == 50 * 60_000).all()
    assert build_dataset(small_session, shape).windows.dtype == np.uint16


def test_a_bundle_knows_the_values_it_was_trained_on(
    small_session: Session, small_bundle: Bundle, tmp_path: Path
) -> None:
    session = power_session(small_session)
    settings = quick_settings(steps=10)
    save_trained(
        train_bundle(session, settings, torch.device("cpu"), lambda *_: None), tmp_path / "b", False
    )
    bundle = load_bundle(tmp_path / "b")
    assert bundle.model.voltage == POWER
    assert len(decode_session(bundle.model, session).end_ns) > 1000
    with pytest.raises(SessionError, match="holds crossings without a reference, the bundle was"):
        decode_session(bundle.model, small_session)
    assert "voltage" not in small_bundle.manifest.model_dump(mode="json")


def test_commands_choose_the_values(tmp_path: Path) -> None:
    (tmp_path / "a.xdf").write_bytes(ephys(3000)[0])
    run = partial(CliRunner().invoke, build_app())
    asked = ["inspect", str(tmp_path / "a.xdf"), "--value", "spike-band-power"]
    result = run(asked)
    assert result.exit_code == 0, result.output
    assert "mean spike-band power" in result.output
    assert "spike-band-power without a reference" in result.output
    result = run([*asked, "--reference", "regression", "--json"])
    assert isinstance(result.exception, SessionError), "two seconds are needed to learn it"
    plain = run(["inspect", str(tmp_path / "a.xdf"), "--json"])
    assert json.loads(plain.output)["voltage"]["value"] == "crossings"
