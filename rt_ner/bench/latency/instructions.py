"""Instructions: how many the processor carries out, where Linux lets a program ask."""

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Callable

# perf_event_open's number on each machine, and what it is asked for (linux/perf_event.h).
_SYSCALL = {"x86_64": 298, "aarch64": 241}
_TYPE_HARDWARE, _COUNT_INSTRUCTIONS, _ATTRIBUTES = 0, 1, 128
# User space alone; the kernel's part is often not allowed.
_EXCLUDE_KERNEL_AND_HYPERVISOR = (1 << 5) | (1 << 6)


def instructions(run: Callable[[], None]) -> int | None:
    """Instructions of this thread in user space while ``run`` runs; None if they can't be had."""
    number = _SYSCALL.get(platform.machine())
    if sys.platform != "linux" or number is None:
        return None
    attributes = struct.pack(
        "IIQQQQQ", _TYPE_HARDWARE, _ATTRIBUTES, _COUNT_INSTRUCTIONS, 0, 0, 0,
        _EXCLUDE_KERNEL_AND_HYPERVISOR,
    ).ljust(_ATTRIBUTES, b"\0")  # fmt: skip
    counter = ctypes.CDLL(None, use_errno=True).syscall(number, attributes, 0, -1, -1, 0)
    if counter < 0:
        return None
    try:
        before = _read(counter)
        run()
        return _read(counter) - before
    finally:
        os.close(counter)


def _read(counter: int) -> int:
    (value,) = struct.unpack("q", os.read(counter, 8))
    return int(value)
