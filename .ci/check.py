"""The one check: format, lint, types, architecture, tests. Run it as ``python .ci/check.py``."""

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


def main() -> int:
    """Run all checks, the tests last; the exit code says whether every one passed."""
    root = Path(__file__).resolve().parent.parent
    scripts = Path(sys.executable).parent
    failed = []
    for command in CHECKS:
        print("$", *command, flush=True)  # noqa: T201
        program = scripts / command[0]
        if subprocess.run([program, *command[1:]], cwd=root, check=False).returncode:  # noqa: S603
            failed.append(command[0])
    if failed:
        print("failed:", ", ".join(failed))  # noqa: T201
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
