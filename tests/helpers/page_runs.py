"""Run the blocks of commands on a page, one after another, as a user runs them.

Runs are made shorter by further options, and faster than real time; nothing else is changed.
"""

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from rt_ner.system.processes import ChildProcess, child_process

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```sh( terminals)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TIMEOUT_S = 300.0
# How well it decodes does not matter.
QUICK = (
    "steps = 20\nbatch = 64\nhidden_units = [32, 32]\n"
    "[ensemble]\nmembers = 2\ndistillation_steps = 20\n"
)
# NO-GO without spikes, and a recalibration that is no better, are results.
MAY_SAY_NO = ("doctor", "recalibrate")


def blocks(page: str) -> list[tuple[bool, list[list[str]]]]:
    """Return each block: True if its lines run side by side, and their arguments."""
    found = []
    for terminals, text in BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
        lines = [line.split() for line in text.strip().splitlines()]
        assert all(words[0] == "rt-ner" for words in lines)
        found.append((bool(terminals), [words[1:] for words in lines]))
    return found


def run_page(page: str, shorter: Mapping[str, Sequence[str]], logs: Path) -> None:
    """Run every block in the current folder.

    ``shorter`` holds the options that make a command's run short: they are put after those of the
    page. The file ``quick.toml`` is there for a brief training.
    """
    Path("quick.toml").write_text(QUICK, encoding="utf-8")
    for number, (side_by_side, lines) in enumerate(blocks(page)):
        shortened = [[*_passed(arguments), *shorter.get(arguments[0], [])] for arguments in lines]
        if side_by_side:
            _run_side_by_side(shortened, logs / f"logs-{number}")
        else:
            for arguments in shortened:
                _run(arguments)


def _passed(arguments: list[str]) -> list[str]:
    """As the shell would pass them."""
    passed = []
    for word in arguments:
        files = sorted(map(str, Path().glob(word))) if "*" in word else []
        passed += files or [word]
    return passed


def _run(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rt_ner", *arguments],
        check=False, capture_output=True, text=True, timeout=TIMEOUT_S,
    )  # fmt: skip
    allowed = (0, 2) if arguments[0] in MAY_SAY_NO else (0,)
    assert done.returncode in allowed, f"{arguments}: {done.stderr}"
    assert "Traceback" not in done.stderr


def _run_side_by_side(lines: list[list[str]], logs: Path) -> None:
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
