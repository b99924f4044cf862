"""The one check: format, lint, types, architecture, tests. Run it as ``python .ci/check.py``.

Tests run two at a time. Those of real streams have real deadlines, so that what failed beside
others is tried once more by itself; what fails then has failed.
"""

import subprocess
import sys
from pathlib import Path

CHECKS = (
    ["ruff", "format", "--check", "."],
    ["ruff", "check", "."],
    ["mypy"],
    ["lint-imports"],
    ["pytest", *sys.argv[1:]],
)
_TESTS_FAILED = 1


def main() -> int:
    """Run all checks, the tests last; the exit code says whether every one passed."""
    root = Path(__file__).resolve().parent.parent
    scripts = Path(sys.executable).parent
    failed = []
    for command in CHECKS:
        print("$", *command, flush=True)  # noqa: T201
        program = scripts / command[0]
        code = _run([program, *command[1:]], root)
        if code == _TESTS_FAILED and command[0] == "pytest":
            code = _run([program, *command[1:], "--last-failed", "-n", "0"], root)
        if code:
            failed.append(command[0])
    if failed:
        print("failed:", ", ".join(failed))  # noqa: T201
    return bool(failed)


def _run(command: list[str | Path], root: Path) -> int:
    return subprocess.run(command, cwd=root, check=False).returncode  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
