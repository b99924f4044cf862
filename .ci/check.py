"""The one check: format, lint, types, architecture, tests. Run it as ``python .ci/check.py``."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
QUICK = (["ruff", "format", "--check", "."], ["ruff", "check", "."])
# On one core each, beside the tests.
SLOW = (["mypy"], ["lint-imports"])
TESTS = ["pytest", *sys.argv[1:]]


def command_of(check: list[str]) -> list[str]:
    """Return a check's command in this environment."""
    return [str(Path(sys.executable).parent / check[0]), *check[1:]]


def passes(check: list[str]) -> bool:
    """Run a check, and show what it says."""
    print("$", *check, flush=True)  # noqa: T201
    return not subprocess.run(command_of(check), cwd=ROOT, check=False).returncode  # noqa: S603


def main() -> int:
    """Run all checks; the exit code says whether every one passed."""
    failed = [check[0] for check in QUICK if not passes(check)]
    running = [
        subprocess.Popen(  # noqa: S603
            command_of(check), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for check in SLOW
    ]
    tests_pass = passes(TESTS)
    for check, process in zip(SLOW, running, strict=True):
        said, _ = process.communicate()
        print("$", *check, "\n" + said.decode(), flush=True)  # noqa: T201
        if process.returncode:
            failed.append(check[0])
    if not tests_pass:
        failed.append(TESTS[0])
    if failed:
        print("failed:", ", ".join(dict.fromkeys(failed)))  # noqa: T201
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
