"""Rules for the project as a whole."""

import re
import subprocess
from importlib.metadata import entry_points
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("rt_ner", "drivers", "offline_training")


def test_one_module_compiles() -> None:
    """Numba's own decorator fails where no folder can be written, and keeps stale kernels."""
    ours = ROOT / "rt_ner" / "core" / "compiled" / "njit.py"
    files = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py") if path != ours]
    pattern = re.compile(r"from numba import .*jit|import numba|numba\.\w*jit")
    assert [path for path in files if pattern.search(path.read_text(encoding="utf-8"))] == []


def test_the_commands_are_those_announced() -> None:
    offered = {entry.name for entry in entry_points(group="rt_ner.commands")}
    assert offered == {
        "demo", "simulate", "train", "inspect", "evaluate", "compare", "transfer", "replay",
        "decode", "view", "task", "subject", "recalibrate", "adapt", "closed-loop", "doctor",
        "noise", "bench", "convert", "record", "salvage", "blackrock",
        "mouse", "joystick", "settings", "sweep", "models",
        "rig", "report",
    }  # fmt: skip


def test_the_top_level_holds_what_the_design_lists() -> None:
    allowed = {
        "rt_ner", "drivers", "offline_training", "tests", "configs", "docs",
        "pyproject.toml", "mkdocs.yml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff",
        "CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "SECURITY.md",
    }  # fmt: skip
    tracked = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout.splitlines()
    top = {Path(name).parts[0] for name in tracked}
    assert {name for name in top if not name.startswith(".")} == allowed


def test_nothing_unpickles() -> None:
    for folder in ("rt_ner", "drivers", "offline_training"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert "import pickle" not in text, path
            for call in re.findall(r"np\.load\(.*", text):
                assert "allow_pickle=False" in call, path
