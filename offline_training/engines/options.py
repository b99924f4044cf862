"""Define the options that choose an engine, and make it. Dask is imported when it is needed."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from offline_training.engines.engine import HERE, Engine
from rt_ner.core.errors import ConfigError, RtNerError

Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        min=1,
        help="Run N fits at once on this computer, e.g. 4.",
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="ADDRESS",
        help="Run on the Dask cluster at this address, e.g. tcp://192.168.1.5:8786.",
    ),
]
SlurmProfile = Annotated[
    Path | None,
    typer.Option(
        "--slurm",
        metavar="FILE",
        help="Run as Slurm jobs, with the settings in this file, e.g. slurm.toml.",
    ),
]


@contextmanager
def cluster_engine(
    workers: int | None,
    scheduler: str | None,
    slurm: Path | None,
    memory_limit_gb: float,
    tell: Callable[[str], None],
) -> Iterator[Engine]:
    """Open the cluster that was chosen; by default processes, one per core, of this computer."""
    if sum(choice is not None for choice in (workers, scheduler, slurm)) > 1:
        raise ConfigError("--workers, --scheduler and --slurm can't be combined: give only one")
    from offline_training.engines.clusters import connections  # noqa: PLC0415 - quick --help
    from offline_training.engines.clusters.cluster import Cluster  # noqa: PLC0415

    if scheduler is not None:
        connect = connections.running(scheduler, tell)
    elif slurm is not None:
        from offline_training.engines.clusters.slurm import slurm_jobs  # noqa: PLC0415

        connect = slurm_jobs(slurm, tell)
    else:
        n_workers = workers or n_cores()
        connect = connections.local(n_workers, memory_limit_gb, tell)
    with Cluster(connect, tell) as cluster:
        yield cluster


@contextmanager
def chosen_engine(
    workers: int | None, scheduler: str | None, tell: Callable[[str], None]
) -> Iterator[Engine]:
    """Open the cluster that was chosen; without a choice, everything runs in this process."""
    if workers is None and scheduler is None:
        yield HERE
        return
    require_clusters()
    with cluster_engine(workers, scheduler, None, 0.0, tell) as engine:
        yield engine


def check_scheduler(address: str | None) -> None:
    """Raise ConfigError if no scheduler answers at an address that was given.

    Asked before anything is loaded, this tells within seconds.
    """
    if address is None:
        return
    from offline_training.engines.clusters import connections  # noqa: PLC0415 - quick --help

    with connections.running(address, lambda _: None)():
        pass


def require_clusters() -> None:
    """Raise RtNerError where Dask is not installed."""
    if not find_spec("distributed"):
        raise RtNerError("--workers and --scheduler need distributed: pip install 'rt-ner[sweep]'")


def n_cores() -> int:
    """Return the number of cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
