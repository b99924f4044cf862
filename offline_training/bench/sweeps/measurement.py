"""Run a sweep undisturbed with one worker and with two, and once more under random kills."""

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import psutil

from offline_training.sweep.results.folder import SweepFolder
from offline_training.sweep.results.tables import SCORES, read_runs
from rt_ner.core.errors import RtNerError

_LOOK_S = 0.05
# A kill comes after a part of a fit's mean time, drawn from this range.
_AFTER = (0.2, 1.8)


@dataclass(frozen=True)
class SweepResult:
    """The throughput of a sweep in fits per minute, and its fate under kills."""

    fits: int
    fits_per_min_one_worker: float
    fits_per_min_two_workers: float
    throughput_ratio: float
    killed_workers: int
    killed_clients: int
    lost: int
    failed: int
    done_twice: int
    tables_identical: bool


class Kills(NamedTuple):
    """Kills done, and results that were written again."""

    workers: int
    clients: int
    done_twice: int


def measure_sweep(
    config: Path, n_kills: int, seed: int, folder: Path | None, tell: Callable[[str], object]
) -> SweepResult:
    """Measure a sweep; RtNerError if it does not end well even undisturbed."""
    with _place(folder) as place:
        one, two, killed = (SweepFolder(place / name) for name in ("one", "two", "killed"))
        for where, workers in ((one, 1), (two, 2)):
            tell(f"undisturbed, workers: {workers}")
            _run_to_end(config, where, workers)
        tell(f"under {n_kills} kills, workers: 2")
        rng = random.Random(seed)  # noqa: S311 - no secret
        kills = _run_under_kills(config, killed, n_kills, rng, read_runs(two))
        tables = {(each.path / SCORES).read_bytes() for each in (one, two, killed)}
        rates = _fits_per_min(one), _fits_per_min(two)
        return SweepResult(
            fits=len(one.done()),
            fits_per_min_one_worker=rates[0],
            fits_per_min_two_workers=rates[1],
            throughput_ratio=rates[1] / rates[0],
            killed_workers=kills.workers,
            killed_clients=kills.clients,
            lost=len(one.done() - killed.done()),
            failed=len(killed.failed()),
            done_twice=kills.done_twice,
            tables_identical=len(tables) == 1,
        )


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="rt-ner-sweep-") as scratch:
        yield Path(scratch)


def _started(config: Path, folder: SweepFolder, workers: int) -> subprocess.Popen[bytes]:
    arguments = ["sweep", str(config), "--out", str(folder.path), "--workers", str(workers)]
    return subprocess.Popen(  # noqa: S603 - our own program, by list
        [sys.executable, "-m", "rt_ner", *arguments, "--json"], stdout=subprocess.DEVNULL
    )


def _run_to_end(config: Path, folder: SweepFolder, workers: int) -> None:
    if code := _started(config, folder, workers).wait():
        raise RtNerError(f"the sweep in {folder.path} ended with code {code}: see its message")


def _fits_per_min(folder: SweepFolder) -> float:
    """Return the fits done per minute, from the begin of the first to the end of the last."""
    runs = read_runs(folder)
    began_s = [datetime.fromisoformat(run["began"]).timestamp() for run in runs]
    ended_s = [begin_s + run["seconds"] for begin_s, run in zip(began_s, runs, strict=True)]
    return float(60 * len(runs) / (max(ended_s) - min(began_s)))


def _run_under_kills(
    config: Path, folder: SweepFolder, n_kills: int, rng: random.Random, runs: list[dict[str, Any]]
) -> Kills:
    """Run a sweep, kill one of its processes at a time, and resume it; let it end after the last.

    Kills are spread over the sweep: each waits for its share of the fits, and then a random time.
    """
    n_fits, fit_s = len(runs), fmean(float(run["seconds"]) for run in runs)
    workers = clients = 0
    seen: dict[Path, tuple[int, int]] = {}
    again: set[Path] = set()
    client = _started(config, folder, 2)
    for number in range(n_kills):
        _wait_for_fits(folder, client, number * n_fits // n_kills)
        time.sleep(fit_s * rng.uniform(*_AFTER))
        victims = _workers_of(client)
        if victims and rng.random() < 0.5:
            _kill(rng.choice(victims))
            workers += 1
        else:
            client.kill()
            client.wait()
            clients += 1
        again |= _rewritten(folder, seen)
        if client.poll() is not None:
            client = _started(config, folder, 2)
    if code := client.wait():
        raise RtNerError(f"the sweep under kills ended with code {code}: see its message")
    again |= _rewritten(folder, seen)
    return Kills(workers, clients, len(again))


def _wait_for_fits(folder: SweepFolder, client: subprocess.Popen[bytes], n_done: int) -> None:
    """Wait until so many fits are done and another one runs, or the sweep has ended."""
    running = folder.path / "running"
    while client.poll() is None:
        if any(running.glob("*.lock")) and len(folder.done()) >= n_done:
            return
        time.sleep(_LOOK_S)


def _workers_of(client: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Return the worker processes of a sweep."""
    try:
        children = psutil.Process(client.pid).children(recursive=True)
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    except psutil.NoSuchProcess:
        return []


def _kill(worker: psutil.Process) -> None:
    try:
        worker.kill()
    except psutil.NoSuchProcess:
        return


def _rewritten(folder: SweepFolder, seen: dict[Path, tuple[int, int]]) -> set[Path]:
    """Return the results that are not as they were seen before; note all."""
    changed = set()
    for path in (folder.path / "fits").glob("*.json"):
        status = path.stat()
        state = (status.st_mtime_ns, status.st_ino)
        if seen.setdefault(path, state) != state:
            changed.add(path)
    return changed
