"""The page of what was measured: every table with its command, the computer and the date."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rt_ner.bench.latency.tables import step_rows
from rt_ner.bench.report import page as report
from rt_ner.bench.report.page import Measurement, measured, measurements, page
from rt_ner.cli import build_app
from rt_ner.core.errors import RtNerError

STEP: dict[str, Any] = {
    "step_us": {"p50": 16.0, "p99": 40.0},
    "onnx_runtime_us": {"p50": 10.0, "p99": 20.0},
    "ratio": {"p50": 1.6, "p99": 2.0},
    "calls_a_bin": 100.0,
    "blocks_left_a_bin": 0.0,
    "instructions_a_bin": None,
}


def test_each_table_has_its_command_and_the_page_says_where_and_when() -> None:
    measurement = Measurement("Step", ("step", "--channels", "96"), step_rows)
    text = page([(measurement, STEP)])
    assert "## Step\n\n`rt-ner bench step --channels 96`\n" in text
    assert "| step / ONNX Runtime | p50 1.60 ×, p99 2.00 × |" in text
    for name in ("processor", "operating system", "rt-ner", "date"):
        assert f"| {name} | " in text


def test_the_live_window_is_measured_where_there_is_a_display() -> None:
    shown, blind = (measurements(30.0, 3, with_view) for with_view in (True, False))
    assert [each.heading for each in shown] == [each.heading for each in blind]
    assert any("--view" in each.arguments for each in shown)
    assert not any("--view" in each.arguments for each in blind)


def test_a_measurement_that_fails_costs_the_others_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page is written anew after each; it names the one that failed, and so does the error."""
    pages = []

    def fake(measurement: Measurement) -> dict[str, Any]:
        pages.append(home.read_text() if home.exists() else "")
        if measurement.heading == "Two":
            raise RtNerError("'rt-ner bench two' ended with code 2")
        return STEP

    home = tmp_path / "measured.md"
    planned = [Measurement(name, ("step",), step_rows) for name in ("One", "Two", "Three")]
    monkeypatch.setattr(report, "measurements", lambda *_: planned)
    monkeypatch.setattr(report, "measured", fake)
    done = CliRunner().invoke(build_app(), ["bench", "all", "--report", str(home), "--json"])
    assert "not measured: Two" in str(done.exception)
    assert json.loads(done.stdout) == {"One": STEP, "Two": None, "Three": STEP}
    assert "## One" in pages[1], "a page is there before the second begins"
    text = home.read_text()
    assert "## Two\n\n`rt-ner bench step`\n\nIt failed.\n" in text
    assert "## Three" in text


@pytest.mark.parametrize("code", [0, 1])
def test_a_command_that_fails_is_an_error(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        assert command[:4] == [sys.executable, "-m", "rt_ner", "bench"]
        return subprocess.CompletedProcess(command, code, json.dumps(STEP).encode())

    monkeypatch.setattr(report.subprocess, "run", run)
    measurement = Measurement("Step", ("step",), step_rows)
    if code:
        with pytest.raises(RtNerError, match="'rt-ner bench step' ended with code 1"):
            measured(measurement)
    else:
        assert measured(measurement) == STEP
