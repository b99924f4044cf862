"""Tell a process from a later one with the same number, and one that is stopped from others."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
# In a line of /proc/PID/stat, after the name in brackets: the state, and 19 fields later the start.
_STATE, _START = 0, 19
_DEAD, _STOPPED = ("Z", "X"), ("T", "t")
_ANSWER_S = 5.0


def identity_of(pid: int, proc: Path = _PROC) -> str:
    """Return what tells a running process from every other one; empty if there is none.

    On Windows it is always empty, so nothing is taken over there.
    """
    if sys.platform == "win32":
        return ""
    if not proc.is_dir():
        state, start = _by_ps(pid)
        return "" if state.startswith(_DEAD) else start
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text("ascii").strip()
        fields = _fields(pid, proc)
    except OSError:
        return ""
    return "" if fields[_STATE] in _DEAD else f"{boot}:{fields[_START]}"


def is_stopped(pid: int, proc: Path = _PROC) -> bool:
    """Return True if a process was stopped, as SIGSTOP does, and does not run (Linux, macOS)."""
    if sys.platform == "win32":
        return False
    if not proc.is_dir():
        return _by_ps(pid)[0].startswith(_STOPPED)
    try:
        return _fields(pid, proc)[_STATE] in _STOPPED
    except OSError:
        return False


def _fields(pid: int, proc: Path) -> list[str]:
    return (proc / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()


def _by_ps(pid: int) -> tuple[str, str]:
    """Return a process's state and the time of its start as ``ps`` writes them (macOS)."""
    with suppress(OSError, subprocess.TimeoutExpired):
        found = subprocess.run(  # noqa: S603 - a fixed program, by list
            ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)],
            capture_output=True,
            text=True,
            timeout=_ANSWER_S,
            check=False,
        )
        state, _, start = found.stdout.strip().partition(" ")
        return state, start.strip()
    return "", ""
