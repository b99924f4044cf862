"""The benchmarks, in short, on real LSL.

A busy computer may decode late and shed hops, so hops are compared only where none was shed.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="benchmarks kill and stop processes"
)


def bench(*arguments: object) -> dict:
    result = subprocess.run(
        [sys.executable, "-m", "rt_ner", "bench", *map(str, arguments), "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_soak(small_bundle_folder: Path, small_session_file: Path) -> None:
    """Half a minute of streaming in a second: memory does not grow, and bins do not drift."""
    found = bench("soak", small_bundle_folder, small_session_file, "--hours", 0.01, "--clients", 1)
    assert found["hops"] >= 3600
    assert found["compared"] > 0
    if found["counts"]["missing"] == found["counts"]["passed_over"] == 0:
        assert found["different"] == found["missing"] == 0
    if sys.platform.startswith("linux"):
        assert found["growth_mb"] < 5


def test_flood(small_bundle_folder: Path) -> None:
    found = bench("flood", small_bundle_folder, "--events", 100_000, "--seconds", 2)
    assert found["sent"] > 0
    assert found["unaccounted"] == 0
    assert sum(found["fates"].values()) == found["sent"]


def test_recovery(small_bundle_folder: Path) -> None:
    found = bench("recovery", small_bundle_folder, "--repeats", 1)
    assert len(found) == 4
    assert all(fault["largest_s"] > 0.4 for fault in found.values()), "history must fill"


def test_view(small_bundle_folder: Path) -> None:
    """A window that draws, and one that hangs: the decoder steps on beside both."""
    pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
    found = bench("view", small_bundle_folder, "--seconds", 1, "--turns", 1)
    assert found["frames_per_s"] > 0
    for condition in ("alone", "view", "stopped view"):
        assert 0 < found[condition]["step_us"]["p50"] <= found[condition]["step_us"]["p99"]
    assert set(found["ratio_p99"]) == {"view", "stopped view"}
