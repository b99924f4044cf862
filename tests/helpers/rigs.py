"""A rig of `rt-ner rig` in a folder of its own, and the state that it writes."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from rt_ner.rig.file.template import VALUES, Template, rig_text
from rt_ner.rig.supervision.state_file import RigState, read_state
from rt_ner.terminal.commands import Example, example_text
from tests.helpers.waiting import LONGEST_S


def rt_ner_rig(*arguments: str, **options: Any) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "rt_ner", "rig", *arguments]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, **options,
    )  # fmt: skip


def said_by(process: "subprocess.Popen[str]") -> str:
    return process.communicate(timeout=LONGEST_S)[0]


def write_rig(folder: Path, changes: dict[str, str]) -> None:
    """Write the file of a simulated rig, with some of its text changed."""
    text = rig_text(example_text(Example.RIG), VALUES[Template.SIMULATED])
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after, 1)
    (folder / "rig.toml").write_text(text)


def state_in(folder: Path) -> RigState | None:
    return read_state(folder / "rig-state.json")


def end_what_is_left(folder: Path) -> None:
    """End what a failed test leaves running."""
    state = state_in(folder)
    if state and state.is_watched:
        os.kill(state.pid, signal.SIGKILL)
    for part in state.parts if state else ():
        if part.runs and part.pid:
            os.killpg(part.pid, signal.SIGKILL)
