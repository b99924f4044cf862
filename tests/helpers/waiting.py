"""Wait for what must come, not for a time."""

import time
from collections.abc import Callable
from threading import Event

LONGEST_S = 240.0


def wait_until(is_so: Callable[[], object]) -> None:
    """Return once something is so; the time is only a limit for what never comes."""
    deadline_s, pause = time.monotonic() + LONGEST_S, Event()
    while not is_so():
        assert time.monotonic() < deadline_s
        pause.wait(0.05)
