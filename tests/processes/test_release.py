"""A release: what the wheel holds, and the hashes of its files."""

import hashlib
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def release() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / ".ci" / "release.py"))


def test_the_wheel_holds_types_recipes_and_example_settings(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="hatchling is not installed: pip install -e '.[dev]'")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = set(ZipFile(wheel).namelist())
    assert {f"{name}/py.typed" for name in ("rt_ner", "drivers", "offline_training")} <= held
    assert {f"rt_ner/configs/{path.name}" for path in (ROOT / "configs").glob("*.toml")} <= held
    recipes = (ROOT / "rt_ner").rglob("builtin/*.toml")
    assert {path.relative_to(ROOT).as_posix() for path in recipes} <= held
    assert not [name for name in held if name.startswith(("tests/", "docs/"))]


def test_the_tag_is_the_version(release: dict[str, Any]) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "version"
    ]
    assert release["version_of"](f"v{version}") == version
    with pytest.raises(SystemExit, match=f"expected tag v{version}"):
        release["version_of"]("v999.0.0")


def test_every_file_is_hashed(release: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "a.whl").write_bytes(b"wheel")
    for _ in range(2):
        release["write_sums"](tmp_path)
    sums = (tmp_path / "SHA256SUMS").read_text(encoding="utf-8")
    assert sums == f"{hashlib.sha256(b'wheel').hexdigest()}  a.whl\n"
