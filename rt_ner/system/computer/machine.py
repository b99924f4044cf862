"""Describe the computer, so that a measurement can be told from another one's."""

import os
import platform
import sys
from pathlib import Path


def machine() -> dict[str, str]:
    """Return processor, cores, operating system and Python, by name."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    processor, is_virtual = _processor()
    return {
        "processor": f"{processor}, {cores} cores{' of a virtual machine' if is_virtual else ''}",
        "operating system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
    }


def _processor() -> tuple[str, bool]:
    """Return the processor's name, and True if it is certainly a virtual machine's."""
    if not sys.platform.startswith("linux"):
        return platform.processor() or platform.machine(), False
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    known = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)
    }
    return known.get("model name") or platform.machine(), "hypervisor" in known.get("flags", "")
