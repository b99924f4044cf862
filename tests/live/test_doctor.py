"""The checkup before a session, on real LSL: its findings, its verdict and its exit code.

A busy computer may receive late and decode slowly, so no test here asserts ages, counts or steps.
"""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.clock import next_grid_line_ns, s_from_ns
from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.core.settings import checked_settings
from rt_ner.doctor.checkup import Checkup, Level
from rt_ner.doctor.doctor import Doctor
from rt_ner.doctor.report import as_json, print_checkup
from rt_ner.live.settings import DecodeSettings
from rt_ner.lsl.streams import local_now_ns, open_outlet
from tests.helpers.joined_rig import labels_of, two_area_bundle

MS = 1_000_000
WAIT_S = 120.0
LISTEN_S = 0.5


LABELS = tuple(f"elec{number}" for number in range(1, 11))


class RasterSource:
    """A raster source that sends in real time, 5 ms at once, until it is closed."""

    def __init__(self, name: str, labels: tuple[str, ...]) -> None:
        self.spikes = np.zeros((1000, len(labels)), np.int16)
        for channel in range(len(labels)):
            self.spikes[channel % 50 :: 50, channel] = 1
        self._outlet = open_outlet(name, Kind.SPIKES, labels, "spikes", MS)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "RasterSource":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()
        del self._outlet

    def _run(self) -> None:
        due_ns = next_grid_line_ns(local_now_ns(), 10 * MS)
        sample = 0
        while not self._closed.wait(s_from_ns(max(due_ns - local_now_ns(), 0))):
            stamps_s = [s_from_ns(due_ns - (4 - k) * MS) for k in range(5)]
            self._outlet.push_chunk(self.spikes[sample : sample + 5], stamps_s)
            sample = (sample + 5) % 1000
            due_ns += 5 * MS


def check_up(source: str, folder: Path | None = None, **wanted: object) -> Checkup:
    content = {"input": {"source_id": source_id_of(source, Kind.SPIKES)} | wanted}
    settings = checked_settings(content, DecodeSettings, "test")
    return Doctor(settings, LISTEN_S, threading.Event(), lambda _: None).check_up(folder)


def texts(checkup: Checkup, level: Level) -> list[str]:
    return [finding.text for finding in checkup.findings if finding.level is level]


def printed(checkup: Checkup) -> str:
    console = Console(file=io.StringIO(), highlight=False, markup=False)
    print_checkup(checkup, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_healthy_raster_and_its_bundle_are_a_go(
    small_bundle: Bundle, small_bundle_folder: Path, source_id: str
) -> None:
    with (
        RasterSource(source_id, small_bundle.manifest.channel_ids),
        markers_of(source_id),
    ):
        checkup = check_up(source_id, small_bundle_folder)
    slow_steps = [text for text in texts(checkup, Level.NO_GO) if "decoding step" in text]
    assert texts(checkup, Level.NO_GO) == slow_steps
    stream, marks = (
        next(check for check in checkup.streams if check.source_id == source_id_of(source_id, kind))
        for kind in (Kind.SPIKES, Kind.MARKERS)
    )
    assert stream.is_spikes
    assert (stream.n_channels, stream.format) == (96, "int16")
    assert stream.timing is not None
    assert stream.timing.n_samples > 0
    assert stream.timing.rate_hz == pytest.approx(1000, rel=1e-3)
    assert stream.timing.age_ms > 0
    assert np.isfinite(stream.offset_ms)
    assert marks.timing is None
    assert checkup.spikes is not None
    assert checkup.spikes.health.median_level == pytest.approx(20, rel=0.2)
    assert checkup.bundle is not None
    assert checkup.bundle.fits
    assert 0 < checkup.bundle.step_p50_us <= checkup.bundle.step_p99_us
    report = printed(checkup)
    assert max(map(len, report.splitlines())) <= 100
    assert checkup.surroundings["lsl_session"].startswith("test-")
    content = json.loads(json.dumps(as_json(checkup), allow_nan=False))
    assert content["verdict"] == ("NO-GO" if slow_steps else "GO")


@contextmanager
def markers_of(source: str) -> Iterator[None]:
    outlet = open_outlet(source, Kind.MARKERS, ["event"], "", None)
    try:
        yield
    finally:
        del outlet


def test_a_dead_and_a_hot_channel_are_named(source_id: str) -> None:
    source = RasterSource(source_id, LABELS)
    source.spikes[:, 3] = 0
    source.spikes[:, 7] = 1
    with source:
        checkup = check_up(source_id)
    assert checkup.is_go
    warnings = texts(checkup, Level.WARNING)
    assert any(text.startswith("1 of 10 channels (elec4) is silent") for text in warnings)
    assert any(text.startswith("1 channel (elec8) is far above") for text in warnings)
    assert printed(checkup).splitlines()[-1].startswith("GO for the streams;")


def test_a_bundle_of_another_array_is_a_no_go(small_bundle_folder: Path, source_id: str) -> None:
    with RasterSource(source_id, LABELS):
        checkup = check_up(source_id, small_bundle_folder)
    assert not checkup.is_go
    (text,) = texts(checkup, Level.NO_GO)
    assert "96 of the bundle's 96 channels are not in the stream" in text
    assert checkup.bundle is not None
    assert not checkup.bundle.fits
    assert printed(checkup).splitlines()[-1].startswith("NO-GO: fix 1 problem first;")


@pytest.fixture
def two_areas_folder(small_bundle: Bundle, tmp_path: Path) -> Path:
    two_area_bundle(small_bundle).save(tmp_path / "bundle")
    return tmp_path / "bundle"


def test_two_sources_and_the_bundle_of_their_areas_are_a_go(
    two_areas_folder: Path, source_id: str
) -> None:
    names = [f"{source_id}-{number}" for number in (0, 1)]
    ids = [source_id_of(name, Kind.SPIKES) for name in names]
    with RasterSource(names[0], labels_of(0)), RasterSource(names[1], labels_of(1)):
        checkup = check_up("", two_areas_folder, source_id="", sources=ids)
        alone = check_up(names[0], two_areas_folder)
    problems = [text for text in texts(checkup, Level.NO_GO) if "decoding step" not in text]
    assert problems == []
    assert checkup.bundle is not None
    assert checkup.bundle.fits
    assert sum(stream.is_spikes for stream in checkup.streams) == 2
    spikes = [checkup.spikes, *checkup.other_spikes]
    assert [len(each.health.labels) for each in spikes if each] == [60, 36]
    assert printed(checkup).count("60 channels") == printed(checkup).count("36 channels") == 1
    (text,) = texts(alone, Level.NO_GO)
    assert "The bundle was trained on the areas M1, PMd: if each has a source of its own" in text


def test_a_source_that_is_not_there_is_a_no_go(two_areas_folder: Path, source_id: str) -> None:
    ids = [source_id_of(source_id, Kind.SPIKES), f"{source_id}-absent/spikes"]
    with RasterSource(source_id, labels_of(0)):
        checkup = check_up("", two_areas_folder, source_id="", sources=ids)
    (text,) = texts(checkup, Level.NO_GO)
    assert f"no stream with type='Spikes or SpikeEvents or Ephys' and source_id='{ids[1]}'" in text
    assert checkup.bundle is not None
    assert checkup.bundle.fits is None


def test_two_streams_of_one_name_are_a_no_go(source_id: str) -> None:
    with RasterSource(source_id, LABELS), RasterSource(source_id, LABELS[:4]):
        checkup = check_up(source_id)
    (text,) = texts(checkup, Level.NO_GO)
    assert "2 streams match" in text
    assert "10 channels" in text
    assert "4 channels" in text
    assert checkup.spikes is None
    assert "NO-GO: fix 1 problem" in printed(checkup)


def test_no_stream_and_a_damaged_bundle_are_told_together(
    small_bundle_folder: Path, source_id: str, tmp_path: Path
) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(small_bundle_folder, folder)
    (folder / "encoder.onnx").write_bytes(b"")
    with markers_of(source_id):
        checkup = check_up(source_id, folder)
    absent, damaged = texts(checkup, Level.NO_GO)
    assert "no stream with" in absent
    assert f"'{source_id}-markers'" in absent
    assert "encoder.onnx has changed since the export" in damaged
    assert checkup.bundle is None


def test_spikes_that_are_announced_but_not_sent_are_a_no_go(source_id: str) -> None:
    outlet = open_outlet(source_id, Kind.SPIKES, LABELS, "spikes", MS)
    checkup = check_up(source_id)
    del outlet
    (text,) = texts(checkup, Level.NO_GO)
    assert text.startswith(f"'{source_id}-spikes' sent no samples")


def test_a_stream_that_can_not_be_what_is_wanted_is_a_no_go(source_id: str) -> None:
    with RasterSource(source_id, LABELS):
        checkup = check_up(source_id, kind="events")
    (text,) = texts(checkup, Level.NO_GO)
    assert "so it can't be events" in text
    (stream,) = [check for check in checkup.streams if check.is_spikes]
    assert stream.timing is not None, "its timing is told all the same"


# The command.


def doctor(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rt_ner", "doctor", "--seconds", "0.5", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
        env=os.environ | environment,
    )


def test_json_is_one_object_and_the_code_0_for_go(source_id: str) -> None:
    with RasterSource(source_id, LABELS):
        go = doctor("--source", source_id_of(source_id, Kind.SPIKES), "--json")
    assert go.returncode == 0, go.stderr
    content = json.loads(go.stdout)
    assert content["verdict"] == "GO"
    assert content["spikes"]["kind"] == "raster"
    assert "listening for 0.5 s" in go.stderr


def test_a_network_without_streams_is_told_with_the_lsl_session(
    source_id: str, tmp_path: Path
) -> None:
    config = tmp_path / "lsl_api.cfg"
    config.write_text(f"[lab]\nSessionID = {source_id}\n[log]\nlevel = -3\n")
    no_go = doctor(tmp_path / "absent", LSLAPICFG=str(config))
    assert no_go.returncode == 2
    assert "no such bundle" in " ".join(no_go.stdout.split())
    assert f"LSL session, '{source_id}'" in " ".join(no_go.stdout.split())
    assert no_go.stdout.splitlines()[-1].startswith("NO-GO: fix 2 problems first; ")


def test_an_lsl_config_that_is_not_there_is_told(
    source_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LSLAPICFG", str(tmp_path / "absent.cfg"))
    with RasterSource(source_id, LABELS):
        checkup = check_up(source_id)
    assert any("absent.cfg, which is not a file" in text for text in texts(checkup, Level.WARNING))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-Break, not SIGINT")
def test_ctrl_c_gives_no_verdict(source_id: str) -> None:
    with RasterSource(source_id, LABELS):
        process = subprocess.Popen(
            [sys.executable, "-m", "rt_ner", "doctor", "--seconds", "60", "--source",
             source_id_of(source_id, Kind.SPIKES)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            if "listening" in line:
                break
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=WAIT_S)
    assert process.returncode == 2
    assert not printed
    assert said.strip().endswith("no verdict")
