"""The writer of NWB recordings: clocks of one computer or several, and failures."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pylsl
import pytest

from rt_ner.core.arrays import AnyArray, FloatArray
from tests.helpers.xdf_files import Stream

pytest.importorskip("pynwb")
from rt_ner.data.formats.nwb.live.reader import recorded_streams
from rt_ner.record.engines import nwb
from rt_ner.record.engines.engine import RecorderLostError

OFFSET_S = 123.0


class FakeTap:
    """A stream with three samples; one of another computer lags behind by two minutes."""

    def __init__(self, found: pylsl.StreamInfo) -> None:
        stream = Stream(1, found.name(), "Kinematics", ["vx", "vy"], 0, unit="cm/s")
        self.header = ElementTree.fromstring(stream.xml)
        self.host = "task-computer" if "remote" in found.name() else "rig"
        self.fails = "broken" in found.name()

    def place(self) -> tuple[str, bool]:
        return self.host, False

    def offset_s(self) -> float:
        return OFFSET_S if self.host == "task-computer" else 0.0

    def chunks(self) -> Iterator[tuple[FloatArray, AnyArray]]:
        if self.fails:
            raise RuntimeError("unexpected")
        yield np.array([1.0, 2.0, 3.0]), np.ones((3, 2))

    def close(self) -> None: ...


def recorded_ns(path: Path, *names: str) -> dict[str, list[float]]:
    """Stamps in s of streams of these names, recorded to a file."""
    engine = nwb.NwbEngine(path, "M", lambda _: None)
    engine.start([pylsl.StreamInfo(name, "Kinematics", 2) for name in names])
    assert set(engine.finish().samples.values()) == {3}
    assert engine.n_bytes() == len(names) * 3 * 3 * 8
    recorded = recorded_streams(path)
    samples, _ = recorded.load(recorded.infos)
    return {one.name: (samples[one.number].stamps_ns / 1e9).tolist() for one in recorded.infos}


def test_streams_of_several_computers_are_brought_to_one_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nwb, "Tap", FakeTap)
    stamps_s = recorded_ns(tmp_path / "two.nwb", "local", "remote")
    assert stamps_s == {"local": [1.0, 2.0, 3.0], "remote": [124.0, 125.0, 126.0]}
    stamps_s = recorded_ns(tmp_path / "one.nwb", "remote", "remote too")
    assert stamps_s["remote"] == stamps_s["remote too"] == [1.0, 2.0, 3.0], "as they were sent"


def test_a_failure_to_write_is_an_alarm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nwb, "Tap", FakeTap)
    path = tmp_path / "broken.nwb"
    engine = nwb.NwbEngine(path, "M", lambda _: None)
    engine.start([pylsl.StreamInfo("broken", "Kinematics", 2)])
    assert engine.finish().damage == ["what came after an error: unexpected"]
    with pytest.raises(RecorderLostError, match=r"writing failed \(unexpected\): .*broken.nwb"):
        engine.check()
