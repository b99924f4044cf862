"""Latency measurements on real LSL: a peer is measured beside the decoder, and errors are told."""

import subprocess
import sys
from pathlib import Path

from offline_training.bench.untrained import untrained_bundle
from rt_ner.bench.latency.measurement import DECODER, measure_in_turns
from rt_ner.bench.latency.plan import LatencyPlan
from rt_ner.bench.latency.results import Latency


def bench(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "rt_ner", "bench", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)


def test_a_peer_is_measured_beside_the_decoder(tmp_path: Path) -> None:
    untrained_bundle(8, 10.0, tmp_path / "bundle")
    short = LatencyPlan(tmp_path / "bundle", 8, 10_000_000, seconds=2.0, turns=1)
    timings = measure_in_turns(short, (DECODER, "plain"), tmp_path, lambda _: None)
    ours, plain = (Latency(short, timings[DECODER], timings[name]) for name in (DECODER, "plain"))
    assert {"step_us", "stages_us", "worst"} <= ours.summary().keys()
    for row in (ours.summary(), plain.summary()):
        assert row["bins"] > 0
        assert 0 < row["end_to_end_us"]["p50"] <= row["end_to_end_us"]["p99"]


def test_unknown_peers_and_forms_are_refused() -> None:
    for arguments, said in (
        (["peers", "--only", "abacus"], "'abacus' is not one of 'plain'"),
        (["latency", "--form", "smoke"], "'smoke' is not one of 'raster'"),
    ):
        done = bench(*arguments)
        assert done.returncode == 2
        assert said in done.stderr
