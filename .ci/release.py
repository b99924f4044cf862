"""Build a release into dist/: wheel, sdist, bill of materials, hashes.

Run it as ``python .ci/release.py v0.1.0``; it needs ``pip install build cyclonedx-bom``.
"""

import hashlib
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"


def version_of(tag: str) -> str:
    """Return the project's version, if it is the tag's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version: str = project["version"]
    if tag != f"v{version}":
        sys.exit(f"tag {tag}, but pyproject.toml has version {version}: expected tag v{version}")
    return version


def run(*command: str | Path) -> None:
    """Run a command in the repository; end with its failure."""
    subprocess.run(command, cwd=ROOT, check=True)  # noqa: S603


def write_parts(wheel: Path, out: Path) -> None:
    """Write which packages, in which versions, the wheel runs with (CycloneDX)."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = next(path for path in Path(folder).glob("*/python*") if path.is_file())
        run(python, "-m", "pip", "install", "--quiet", wheel)
        run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "setuptools", "pip")
        pyproject = ROOT / "pyproject.toml"
        options = ["--pyproject", pyproject, "--output-reproducible", "--output-file", out]
        run(sys.executable, "-m", "cyclonedx_py", "environment", *options, python)


def write_sums(folder: Path) -> None:
    """Write the SHA-256 hash of each file, as ``sha256sum --check`` reads it."""
    files = sorted(path for path in folder.iterdir() if path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8", newline="\n")


def main() -> None:
    """Build everything for the tag that is given."""
    version = version_of(sys.argv[1])
    if DIST.exists() and any(DIST.iterdir()):
        sys.exit(f"{DIST} is not empty: remove what is in it")
    run(sys.executable, "-m", "build", "--outdir", DIST)
    (wheel,) = DIST.glob("*.whl")
    write_parts(wheel, DIST / f"rt_ner-{version}.cdx.json")
    write_sums(DIST)


if __name__ == "__main__":
    main()
