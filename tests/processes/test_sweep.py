"""Sweeps on Dask: nothing is lost or done twice, whatever is killed, and the table is the same."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from offline_training.engines.clusters import connections
from offline_training.engines.clusters.cluster import Cluster
from rt_ner.cli import build_app
from rt_ner.core.errors import ConfigError
from tests.helpers.fake_fits import Sweep, completions, has_repeats, run_here, sweep_in, table_bytes
from tests.helpers.sweep_client import FITS
from tests.helpers.thorough import only_thorough

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a signal of Unix")


@contextmanager
def process(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    env = os.environ | {"PYTHONPATH": str(ROOT), "RT_NER_FAKE_FIT_S": "0.05"}
    started = subprocess.Popen([sys.executable, *command], env=env, cwd=ROOT)
    try:
        yield started
    finally:
        for child in children(started):
            child.kill()
        started.kill()
        started.wait()


def client(sweep: Sweep, workers: str = "", scheduler: str = "") -> list[str]:
    return ["-m", "tests.helpers.sweep_client", str(sweep.folder.path), workers, scheduler]


def children(of: subprocess.Popen[bytes]) -> list[psutil.Process]:
    try:
        return psutil.Process(of.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def workers_of(of: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return [child for child in children(of) if "spawn_main" in " ".join(child.cmdline())]


def wait_until(is_so: Callable[[], bool], running: subprocess.Popen[bytes]) -> None:
    while not is_so() and running.poll() is None:
        time.sleep(0.02)


def undisturbed(folder: Path) -> Sweep:
    sweep = sweep_in(folder, **FITS)
    run_here(sweep)
    return sweep


def check_against_undisturbed(sweep: Sweep, folder: Path) -> None:
    # A process may be killed after it has fitted, and before it has written the result.
    assert len(set(completions(sweep))) == len(sweep.plan())
    assert not has_repeats(sweep)
    assert [*sweep.folder.failed()] == []
    assert table_bytes(sweep) == table_bytes(undisturbed(folder))
    left = [path for path in sweep.folder.path.rglob("*") if ".partial" in path.name]
    assert left == []


def test_killed_workers_and_clients_lose_nothing(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path / "killed", **FITS)
    n_fits = len(sweep.plan())
    with process(*client(sweep, "2")) as first:
        wait_until(lambda: len(completions(sweep)) >= n_fits // 4, first)
        for worker in workers_of(first)[:1]:
            worker.kill()
        wait_until(lambda: len(completions(sweep)) >= n_fits // 2, first)
        first.send_signal(signal.SIGKILL)
        first.wait()
    with process(*client(sweep, "1")) as second:
        assert second.wait(240) == 0
    check_against_undisturbed(sweep, tmp_path / "plain")


@only_thorough("starts nine processes")
def test_a_killed_scheduler_is_replaced_by_another_one(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path / "killed", **FITS)
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    scheduler = ["-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port)]
    worker = ["-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
    with (
        process(*scheduler, "--no-dashboard") as first,
        process(*worker),
        process(*client(sweep, "", address)) as running,
    ):
        wait_until(lambda: len(completions(sweep)) >= len(sweep.plan()) // 3, running)
        first.send_signal(signal.SIGKILL)
        first.wait()
        # Workers end with their scheduler.
        with process(*scheduler, "--no-dashboard"), process(*worker):
            assert running.wait(240) == 0
    check_against_undisturbed(sweep, tmp_path / "plain")


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_address_without_a_scheduler_is_an_error_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "_ANSWER_S", 0.5)
    address = f"tcp://127.0.0.1:{free_port()}"
    connect = connections.running(address, lambda _: None)
    with pytest.raises(ConfigError, match="no Dask scheduler answers"), Cluster(connect, print):
        pass
    # Before a plan is made, and so before a missing settings file is noticed.
    sweep = ["sweep", "absent.toml", "--out", "x", "--scheduler", address]
    result = CliRunner().invoke(build_app(), sweep)
    assert "no Dask scheduler answers" in str(result.exception)
