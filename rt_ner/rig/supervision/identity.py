"""Tell a process from a later one with the same number, by the time at which it was started."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
# In a line of /proc/PID/stat, after the name in brackets: the state, and 19 fields later the start.
_STATE, _START = 0, 19
_DEAD = ("Z", "X")
_ANSWER_S = 5.0


def identity_of(pid: int, proc: Path = _PROC) -> str:
    """Return what tells a running process from every other one; empty if there is none.

    On Windows it is always empty, so nothing is taken over there.
    """
    if sys.platform == "win32":
        return ""
    if not proc.is_dir():
        return _by_ps(pid)
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text("ascii").strip()
        fields = (proc / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[_STATE] in _DEAD else f"{boot}:{fields[_START]}"


def _by_ps(pid: int) -> str:
    """Return the time of a process's start as ``ps`` writes it (macOS)."""
    with suppress(OSError, subprocess.TimeoutExpired):
        found = subprocess.run(  # noqa: S603 - a fixed program, by list
            ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)],
            capture_output=True,
            text=True,
            timeout=_ANSWER_S,
            check=False,
        )
        state, _, start = found.stdout.strip().partition(" ")
        return "" if state.startswith(_DEAD) else start.strip()
    return ""
