"""Measure how late a sleeping thread wakes up on a core.

The thread is due every millisecond, at times that are fixed in advance: after a long delay, it is
late at all the times that passed meanwhile. It runs in a process of its own, because threads of the
same Python process would delay it. Start one with ``python -m rt_ner.system.computer.wake_ups``.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from threading import Event

import numpy as np

from rt_ner.core.arrays import Int64Array
from rt_ner.core.errors import RtNerError
from rt_ner.system.processes import parsed, write_event
from rt_ner.system.scheduling import claim_computer, no_garbage_collection

_EVERY_NS = 1_000_000
_LOOK_S = 0.1


@dataclass(frozen=True)
class WakeUps:
    """Lateness of wake-ups, in µs. ``refused`` says what the thread asked for and did not get."""

    n: int
    p50_us: float
    p99_us: float
    max_us: float
    refused: tuple[str, ...] = ()


def lateness_ns(
    n: int,
    now_ns: Callable[[], int] = time.monotonic_ns,
    sleep_s: Callable[[float], object] = time.sleep,
) -> Int64Array:
    """Wake up ``n`` times, and return how late each was, in ns.

    Parameters
    ----------
    n
        Number of wake-ups, one per millisecond.
    now_ns
        The clock, in ns.
    sleep_s
        Sleeps for a time in s.

    Returns
    -------
    Int64Array
        Lateness, shape ``(n,)``.

    """
    late_ns = np.empty(n, np.int64)
    due_ns = now_ns()
    for index in range(n):
        due_ns += _EVERY_NS
        left_ns = due_ns - now_ns()
        if left_ns > 0:
            sleep_s(left_ns / 1e9)
        late_ns[index] = now_ns() - due_ns
    return late_ns


def summed_up(late_ns: Int64Array, refused: tuple[str, ...] = ()) -> WakeUps:
    """Return the percentiles of the lateness of wake-ups."""
    p50, p99, most = (float(value) for value in np.percentile(late_ns / 1e3, (50, 99, 100)))
    return WakeUps(len(late_ns), p50, p99, most, refused)


def measure_wake_ups(
    core: int, seconds: float, stop: Event, show: Callable[[float], None]
) -> WakeUps | None:
    """Measure in a process of its own, with the decoder's priority if that is permitted.

    Parameters
    ----------
    core
        Core to measure on.
    seconds
        Duration.
    stop
        Ends the measurement early.
    show
        Gets the part that is done, from 0 to 1.

    Returns
    -------
    WakeUps | None
        None if ``stop`` was set.

    Raises
    ------
    RtNerError
        If the process failed.

    """
    arguments = [sys.executable, "-m", __name__, str(core), str(seconds)]
    # A session of its own, so that Ctrl-C reaches this process alone.
    process = subprocess.Popen(  # noqa: S603 - our own program, by list
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    began_s = time.monotonic()
    while process.poll() is None and not stop.wait(_LOOK_S):
        show(min((time.monotonic() - began_s) / seconds, 1.0))
    if stop.is_set():
        process.kill()
    said, problem = process.communicate()
    if stop.is_set():
        return None
    message = parsed(said, "event")
    if process.returncode or message is None:
        last = problem.decode(errors="replace").strip().rpartition("\n")[2]
        raise RtNerError(f"wake-ups on core {core} can't be measured: {last or 'no result'}")
    return WakeUps(**{key: value for key, value in message.items() if key != "event"})


def _measure_here(core: int, seconds: float) -> None:
    """Measure in this process, and write the result as an event."""
    refused = tuple(claim_computer(core, realtime=True))
    with no_garbage_collection():
        late_ns = lateness_ns(max(1, round(seconds * 1e9 / _EVERY_NS)))
    write_event("wake_ups", **asdict(summed_up(late_ns, refused)))


if __name__ == "__main__":
    _measure_here(int(sys.argv[1]), float(sys.argv[2]))
