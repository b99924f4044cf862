"""Start workers as jobs of Slurm, with dask-jobqueue."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from distributed import Client
from pydantic import Field

from offline_training.engines.clusters.cluster import Connect
from offline_training.engines.clusters.connections import quieten, tell_dashboard
from rt_ner.core.errors import ConfigError, RtNerError
from rt_ner.core.settings import Settings, load_settings


class SlurmSettings(Settings):
    """A profile of a Slurm cluster; each job runs ``cores`` workers with one thread each.

    ``lines`` are further options of sbatch, and ``before`` commands that a job runs first.
    """

    jobs: int = Field(ge=1)
    memory_gb: float = Field(gt=0)
    walltime: str = "04:00:00"
    cores: int = Field(default=1, ge=1)
    queue: str | None = None
    account: str | None = None
    lines: tuple[str, ...] = ()
    before: tuple[str, ...] = ()


def slurm_jobs(profile: Path, tell: Callable[[str], None]) -> Connect:
    """Connect to workers in Slurm jobs, which are started and, at the end, cancelled."""
    settings = load_settings(profile, SlurmSettings)
    if not find_spec("dask_jobqueue"):
        raise RtNerError("--slurm needs dask-jobqueue: pip install 'rt-ner[slurm]'")

    @contextmanager
    def connect() -> Iterator[Client]:
        quieten()
        try:
            with slurm_cluster(settings) as cluster, Client(cluster) as client:
                cluster.scale(jobs=settings.jobs)
                tell_dashboard(client, tell)
                tell(f"asked Slurm for {settings.jobs} jobs; fits start with the first one")
                yield client
        except FileNotFoundError as error:
            raise ConfigError(
                f"--slurm {profile}: {error.filename} was not found: run this where you "
                "submit jobs, or use --task-list"
            ) from error

    return connect


def slurm_cluster(settings: SlurmSettings) -> Any:
    """Return the cluster of a profile, without any job yet."""
    from dask_jobqueue.slurm import SLURMCluster  # noqa: PLC0415 - an extra

    return SLURMCluster(
        queue=settings.queue,
        account=settings.account,
        cores=settings.cores,
        processes=settings.cores,
        memory=f"{settings.memory_gb} GB",
        walltime=settings.walltime,
        job_extra_directives=[*settings.lines],
        job_script_prologue=[*settings.before],
        scheduler_options={"dashboard_address": ":0"},
    )
