"""Run one worker: a process that learns from some of the sessions, as its parent asks."""

import signal
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection

# The exit code of a worker that has lost another one, and so can't go on.
LOST_ANOTHER = 74


class AnotherLostError(Exception):
    """Another worker has ended, or does not answer."""


@dataclass(frozen=True)
class Place:
    """A worker's number among all of them, from 0, and the file by which they find each other."""

    number: int
    n_workers: int
    threads: int
    meeting_file: str


def work(place: Place, parent: Connection) -> None:
    """Learn as the parent asks, until it hangs up."""
    # Ctrl-C reaches all processes of a terminal; the parent answers it, and ends the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from offline_training.joint.workers.lessons import follow  # noqa: PLC0415 - takes seconds

    try:
        follow(place, parent)
    except AnotherLostError:
        sys.exit(LOST_ANOTHER)
    except (EOFError, OSError):
        # The parent is gone, and with it anyone to tell.
        sys.exit(1)
