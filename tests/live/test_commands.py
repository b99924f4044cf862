"""The command line on real streams and processes: errors, Ctrl-C, and the demo."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pylsl
import pytest

from offline_training.settings import TrainSettings
from rt_ner.bundle.storage import load_bundle
from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.core.errors import BundleError
from rt_ner.data.session.session import Session
from rt_ner.live.commands import _Bundles
from rt_ner.lsl.discovery import find_stream, query_for
from rt_ner.lsl.streams import open_outlet
from tests.helpers.classes import classifying_bundle

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 300
QUICK = (
    "steps = 60\nbatch = 64\nhidden_units = [32, 32]\n"
    "[ensemble]\nmembers = 2\ndistillation_steps = 40\n"
)


def rt_ner(*arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rt_ner", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        cwd=cwd,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def expect_error(result: subprocess.CompletedProcess[str], *words: str) -> None:
    """One line on stderr that holds the words, nothing on stdout, code 2."""
    assert result.returncode == 2, result.stderr
    assert not result.stdout
    (line,) = [line for line in result.stderr.splitlines() if line.strip()]
    assert line.startswith("rt-ner: ")
    for word in words:
        assert word in line


def test_decode_without_a_stream_says_what_it_saw(
    small_bundle_folder: Path, source_id: str
) -> None:
    outlet = open_outlet(source_id, Kind.KINEMATICS, ["vx"], "cm/s", None)
    arguments = ("--source", f"{source_id}/spikes", "--wait", "0")
    result = rt_ner("decode", small_bundle_folder, *arguments)
    del outlet
    assert result.returncode == 2
    assert (
        f"no stream with type='Spikes or SpikeEvents or Ephys' and source_id='{source_id}/spikes'"
        in result.stderr
    )
    assert f"{source_id}-kinematics" in result.stderr


def test_decode_refuses_a_stream_of_another_size(small_bundle_folder: Path, source_id: str) -> None:
    outlet = open_outlet(source_id, Kind.SPIKES, [f"c{k}" for k in range(70)], "spikes", 10**6)
    arguments = ("--source", source_id_of(source_id, Kind.SPIKES), "--name", f"d-{source_id}")
    result = rt_ner("decode", small_bundle_folder, *arguments)
    del outlet
    assert result.returncode == 2
    assert "96 of the bundle's 96 channels are not in the stream" in result.stderr
    assert "it has 70" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--speed", "0"), "--speed 0"),
        (("--held-out", "1.5"), "--held-out 1.5"),
        (("--wait-for", "spikes,eyes"), "--wait-for eyes"),
    ],
)
def test_replay_refuses_nonsense(
    small_session_file: Path, arguments: tuple[str, str], word: str
) -> None:
    expect_error(rt_ner("replay", small_session_file, *arguments), word, "expected")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-Break, not SIGINT")
@pytest.mark.parametrize("command", ["replay", "decode"])
def test_ctrl_c_ends_cleanly(
    small_session_file: Path, small_bundle_folder: Path, source_id: str, command: str
) -> None:
    target = small_session_file if command == "replay" else small_bundle_folder
    process = subprocess.Popen(
        [sys.executable, "-m", "rt_ner", command, str(target), "--name", source_id],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "waiting" in line or "CONNECTING" in line:
            break
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait(TIMEOUT_S) == 0
    process.stderr.close()
    assert "Traceback" not in rest
    assert "stopped" in rest.lower()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-Break, not SIGINT")
def test_clients_of_a_decoder_that_ends_are_told(small_bundle_folder: Path, source_id: str) -> None:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "rt_ner", "decode", str(small_bundle_folder)),
            *("--name", source_id, "--wait", str(TIMEOUT_S)),
        ],
        stderr=subprocess.DEVNULL,
    )
    inlets = {}
    for kind in (Kind.STATE, Kind.VELOCITY):
        info = find_stream(
            query_for(source_id, kind), TIMEOUT_S, lambda: process.poll() is not None
        )
        inlets[kind] = pylsl.StreamInlet(info, recover=False)
        inlets[kind].open_stream(TIMEOUT_S)
    process.send_signal(signal.SIGINT)
    assert inlets[Kind.STATE].pull_sample(TIMEOUT_S)[0] == ["STOPPED"]
    assert inlets[Kind.VELOCITY].pull_sample(TIMEOUT_S)[0] == [0.0, 0.0]
    assert process.wait(TIMEOUT_S) == 0


def demo_summary(out: Path, *arguments: object) -> dict[str, Any]:
    result = rt_ner("demo", "--no-view", "--json", "--out", out, *arguments)
    assert result.returncode == 0, result.stderr
    summary: dict[str, Any] = json.loads(result.stdout)
    return summary


def test_demo_runs_the_whole_pipeline(
    small_session_file: Path, small_session: Session, tmp_path: Path
) -> None:
    config = tmp_path / "quick.toml"
    config.write_text(QUICK)
    out = tmp_path / "demo"
    summary = demo_summary(out, "--session", small_session_file, "--config", config)
    assert summary["live"]["identical_to_offline"] is True
    window_s = 0.03 * TrainSettings().window.history_bins
    played_s = (small_session.end_ns - small_session.trials.start_ns[12]) / 1e9
    expected = (played_s - window_s) * 100
    # A busy computer may shed hops; then it says so, and none is missing from the sum.
    assert summary["live"]["bins"] <= expected + 2
    assert summary["live"]["bins"] + summary["live"]["dropped"] >= expected - 2
    assert summary["live"]["velocity_r2"] > summary["offline"]["shuffled_velocity_r2"]
    assert {"velocity_r2", "position_r2", "shuffled_velocity_r2"} <= summary["offline"].keys()
    for stage in ("step", "end_to_end"):
        latency = summary["latency_us"][stage]
        assert 0 < latency["p50"] <= latency["p99"] <= latency["max"]
    assert summary["train_s"] > 0
    assert (out / "demo.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((out / "demo.json").read_text()) == summary
    assert rt_ner("inspect", out / "bundle").returncode == 0


def test_the_next_bundle_must_take_and_give_the_same(
    small_bundle_folder: Path, tmp_path: Path
) -> None:
    loaded = load_bundle(small_bundle_folder)
    bundles = _Bundles(small_bundle_folder, loaded, small_bundle_folder)
    assert bundles.next_model().encoder_onnx == loaded.encoder_onnx
    assert bundles.about()["session"] == loaded.manifest.training.session
    for what, other in (
        ("channel ids", {"channel_ids": loaded.manifest.channel_ids[::-1]}),
        ("window", {"window": loaded.manifest.window.model_copy(update={"history_bins": 3})}),
        ("latent dim", {"latent_dim": 5}),
        ("decoded outputs", {"outputs": loaded.manifest.outputs[:1]}),
        ("classes", {"classifier": classifying_bundle(loaded).manifest.classifier}),
    ):
        manifest = loaded.manifest.model_copy(update=other)
        with pytest.raises(BundleError, match=f"differs from .* in its {what}: "):
            _Bundles(
                small_bundle_folder, replace(loaded, manifest=manifest), small_bundle_folder
            ).next_model()


def test_a_log_that_cannot_be_opened(small_bundle_folder: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    result = subprocess.run(
        [sys.executable, "-m", "rt_ner", "decode", small_bundle_folder, "--json-log", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert result.returncode == 2
    assert "rt-ner: " in result.stderr
