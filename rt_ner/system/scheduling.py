"""Schedule threads on a shared core: LSL's first, then the loop, then the rest.

LSL's threads do little, and everything waits for them: the loop for its samples, the cursor for its
velocity. A thread inherits the scheduling of the one that starts it. So the loop asks for LSL's
before any stream is opened, and for its own before it decodes. Threads that show or listen inherit
it too, and must: if one waited for its turn while it held Python's lock, the loop would wait too.
"""

import ctypes
import gc
import os
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread

# Above everything ordinary, below the kernel's own threads.
_WITNESS_PRIORITY, _LSL_PRIORITY, _LOOP_PRIORITY = 52, 51, 50
# From Linux 6.12 on, a thread that wakes up takes the core from those that ask for longer turns.
# Nobody gets more of the core in all, so no permission is needed. The default turn is 1 to 3 ms.
_LSL_TURN_NS, _LOOP_TURN_NS = 100_000, 500_000
# Linux permits a real-time priority up to a limit, which is set per user at login.
PRIORITY_LIMIT = _LSL_PRIORITY


def limits_line(who: str) -> str:
    """Return the line of Linux's limits that permits a user, or a @GROUP, what LSL needs."""
    return f"{who} - rtprio {PRIORITY_LIMIT}"


_REMEDY = (
    f"allow it with '{limits_line('@GROUP')}' in /etc/security/limits.conf and log in again, or "
    "see rt-ner doctor --fix"
    if sys.platform == "linux"
    else "close them"
)
# Numbers of sched_setattr and sched_getattr, which older C libraries lack.
_SYSTEM_CALLS = {"x86_64": (314, 315), "aarch64": (274, 275)}


class _Attributes(ctypes.Structure):
    """The kernel's ``struct sched_attr``, first version; ``turn_ns`` is `sched_runtime`."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("turn_ns", ctypes.c_uint64),
        ("deadline_ns", ctypes.c_uint64),
        ("period_ns", ctypes.c_uint64),
    )


def claim_computer(core: int | None, realtime: bool) -> list[str]:
    """Ask for a core and for the real-time priority of LSL's threads.

    Short time slices are requested in any case. Returns one sentence, with the remedy, per refusal.
    """
    refused = []
    if core is not None and (refusal := _claim_core(core)):
        refused.append(refusal)
    take_short_turns()
    if realtime and (refusal := _claim_priority()):
        refused.append(refusal)
    return refused


def _claim_core(core: int) -> str:
    """Ask for a core; return why it was refused, and the remedy."""
    if sys.platform != "linux":
        return f"core {core} was refused: only Linux can give a program a core; leave out core"
    try:
        os.sched_setaffinity(0, {core})
    except OSError as error:
        return f"core {core} was refused ({error}): set core to one of this computer's"
    return ""


def realtime_refusal() -> str:
    """Return why real-time priority would be refused, and the remedy; empty if it would not."""
    found: list[str] = []
    # A thread asks for it and ends, so that the caller's own priority stays.
    asking = Thread(target=lambda: found.append(_claim_priority()))
    asking.start()
    asking.join()
    return found[0]


def claim_priority_above_all() -> None:
    """Ask for a real-time priority above all else in rt-ner, to see what the computer does.

    Where the user's limit is the one that rt-ner asks for, it is as high as LSL's.
    """
    for priority in (_WITNESS_PRIORITY, _LSL_PRIORITY):
        with suppress(OSError):
            _ask_for_priority(priority)
            return


def _claim_priority() -> str:
    """Ask for LSL's real-time priority; return why it was refused, and the remedy."""
    try:
        _ask_for_priority(_LSL_PRIORITY)
    except OSError as error:
        return (
            f"real-time priority was refused ({error}), so other programs can delay a velocity "
            f"by milliseconds: {_REMEDY}, or do without it (realtime = false in [timing])"
        )
    return ""


def _ask_for_priority(priority: int) -> None:
    """Ask for a real-time priority; raise OSError if it is refused."""
    if sys.platform != "linux":
        raise OSError("only Linux is asked for it")
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))


def take_short_turns() -> None:
    """Request time slices as short as those of LSL's threads, if the kernel supports this."""
    _ask_for_turns(_LSL_TURN_NS)


@contextmanager
def behind_lsl() -> Iterator[None]:
    """Let LSL's threads go before this one within the block.

    They inherited the scheduling that this thread claimed. Nothing changes if it claimed none.
    """
    take: Callable[[int], None]
    if _priority() == _LSL_PRIORITY:
        take, lsls, ours = _take_priority, _LSL_PRIORITY, _LOOP_PRIORITY
    elif turn_ns() == _LSL_TURN_NS:
        take, lsls, ours = _ask_for_turns, _LSL_TURN_NS, _LOOP_TURN_NS
    else:
        yield
        return
    take(ours)
    try:
        yield
    finally:
        take(lsls)


def turn_ns() -> int:
    """Return the time slice that this thread requests, in ns; 0 where that is not possible."""
    attributes = _attributes()
    return int(attributes.turn_ns) if attributes else 0


def _priority() -> int:
    """Return the real-time priority of this thread; 0: none."""
    if sys.platform != "linux":
        return 0
    return os.sched_getparam(0).sched_priority


def _take_priority(priority: int) -> None:
    if sys.platform == "linux":
        os.sched_setparam(0, os.sched_param(priority))


def _ask_for_turns(wanted_ns: int) -> None:
    """Request time slices of another length, where that is possible."""
    if attributes := _attributes():
        attributes.turn_ns = wanted_ns
        set_number, _ = _SYSTEM_CALLS[platform.machine()]
        ctypes.CDLL(None).syscall(set_number, 0, ctypes.byref(attributes), 0)


def _attributes() -> _Attributes | None:
    """Return this thread's scheduling; None unless it is the ordinary one of a known Linux."""
    if sys.platform != "linux" or platform.machine() not in _SYSTEM_CALLS:
        return None
    attributes = _Attributes()
    _, get_number = _SYSTEM_CALLS[platform.machine()]
    size = ctypes.sizeof(attributes)
    failed = ctypes.CDLL(None).syscall(get_number, 0, ctypes.byref(attributes), size, 0)
    return None if failed or attributes.policy != os.SCHED_OTHER else attributes


_SWITCH_INTERVAL_S = 1e-4


@contextmanager
def yield_to_the_loop() -> Iterator[None]:
    """Switch between threads every 0.1 ms within the block, instead of every 5 ms.

    Display and logging threads then can't hold up the thread that decodes.
    """
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before_s)


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Switch the garbage collector off within the block, because its pauses reach 250 ms.

    Reference counting still frees everything that is not part of a cycle.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
