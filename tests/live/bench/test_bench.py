"""The benchmarks, in short: they measure what they say, and what they show is true here too."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rt_ner.bench.endurance.soak import Grid, Passes

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="benchmarks kill and stop processes"
)


def bench(*arguments: object) -> dict:
    result = subprocess.run(
        [sys.executable, "-m", "rt_ner", "bench", *map(str, arguments), "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_soak(small_bundle_folder: Path, small_session_file: Path) -> None:
    """Three minutes of streaming: memory does not grow, and bins do not drift."""
    found = bench("soak", small_bundle_folder, small_session_file, "--hours", 0.05)
    assert found["hops"] >= 18_000
    assert found["compared"] > 10_000
    if found["counts"]["missing"] == found["counts"]["passed_over"] == 0:
        assert found["different"] == found["missing"] == 0
    if sys.platform.startswith("linux"):
        assert found["growth_mb"] < 5


def test_flood(small_bundle_folder: Path) -> None:
    found = bench("flood", small_bundle_folder, "--events", 100_000, "--seconds", 3)
    assert found["sent"] > 290_000
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


def test_a_bin_that_drifts_is_found() -> None:
    passes = Passes(Grid(pass_ns=100, hop_ns=10))
    for hop in range(1, 31):
        value = 1.0 if hop == 25 else float(hop % 10 + 1)
        passes.add(hop * 10 / 1e9, [value, 0.5])
    assert (passes.n_compared, passes.n_different, passes.n_missing) == (30, 1, 0)
    passes.add(33 * 10 / 1e9, [4.0, 0.5])
    assert passes.n_missing == 2
