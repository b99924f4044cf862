"""Run one fit: claim it, keep to one thread and to its time, and write the result or the error."""

import os
import platform
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from offline_training.engines.threads import one_thread
from offline_training.engines.versions import check_versions, versions
from offline_training.sweep.fitting.scoring import Scored, score_fit
from offline_training.sweep.plan.fits import Fit
from offline_training.sweep.results.folder import SweepFolder
from rt_ner.core.errors import ConfigError
from rt_ner.terminal.console.failures import disk_full_line

Score = Callable[[Fit, Path], Scored]
# The exit code of a process that a fit's time limit has ended.
OVERRAN = 75


class State(StrEnum):
    """The state in which a job leaves its fit; ``busy``: another process has it."""

    DONE = "done"
    FAILED = "failed"
    BUSY = "busy"


@dataclass(frozen=True)
class Job:
    """A fit to run, in a sweep's folder; ``of_client`` are the versions that it must run with."""

    folder: str
    fit: Fit
    time_limit_s: float
    of_client: dict[str, str]
    score: Score = score_fit


@dataclass(frozen=True)
class Outcome:
    """The state of a fit, and the time that this job has spent on it."""

    state: State
    seconds: float = 0.0


def run_fit(job: Job) -> Outcome:
    """Run a fit unless it is done, has failed, or runs elsewhere; it is safe to call this again.

    Its error is recorded, and raises nothing. A full disk raises OSError; other versions than the
    client's, or a folder that is not seen here, raise ConfigError.
    """
    check_versions(job.of_client)
    folder = SweepFolder(Path(job.folder))
    _check_seen(folder)
    key = job.fit.key
    if (state := folder.state(key)) != "open":
        return Outcome(State(state))
    with folder.claim(key) as is_ours:
        if not is_ours:
            return Outcome(State.BUSY)
        # It may have been done between the look and the claim.
        if (state := folder.state(key)) != "open":
            return Outcome(State(state))
        return _run(job, folder)


def _check_seen(folder: SweepFolder) -> None:
    try:
        folder.check()
    except ConfigError as error:
        raise ConfigError(
            f"the worker on {socket.gethostname()} does not see the sweep's folder ({error}): put "
            "it where all workers find it under the same path"
        ) from error


def _run(job: Job, folder: SweepFolder) -> Outcome:
    fit, began = job.fit, datetime.now(UTC)
    started_s = time.monotonic()

    def run_entry() -> dict[str, object]:
        return {
            "began": began.isoformat(timespec="milliseconds"),
            "seconds": round(time.monotonic() - started_s, 3),
            "host": socket.gethostname(),
            "processor": platform.machine(),
            "pid": os.getpid(),
            "versions": versions(),
        }

    def give_up() -> None:
        error = f"the fit ran longer than time_limit_s = {job.time_limit_s:g}"
        folder.write_failure(fit, {"error": error, "traceback": "", "run": run_entry()})

    try:
        with _time_limit(job.time_limit_s, give_up), one_thread():
            rows = job.score(fit, folder.session_file(fit.session_sha256))
    except Exception as error:
        if isinstance(error, OSError) and disk_full_line(error):
            raise
        told = f"{type(error).__name__}: {error}"
        trace = traceback.format_exc()
        folder.write_failure(fit, {"error": told, "traceback": trace, "run": run_entry()})
        return Outcome(State.FAILED, time.monotonic() - started_s)
    folder.write_result(fit, {"rows": rows, "run": run_entry()})
    return Outcome(State.DONE, time.monotonic() - started_s)


@contextmanager
def _time_limit(limit_s: float, give_up: Callable[[], None]) -> Iterator[None]:
    """End this process if the block takes longer: a thread that computes can't be stopped."""

    def end() -> None:
        try:
            give_up()
        finally:
            os._exit(OVERRAN)

    timer = threading.Timer(limit_s, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
