"""Open the connections to clusters: local processes, a running scheduler, or Slurm."""

import logging
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from distributed import Client, LocalCluster

from offline_training.engines.clusters.cluster import Connect
from rt_ner.core.errors import ConfigError

_ANSWER_S = 5.0
_RETURN_S = 120.0
# Deaths of a task's worker until Dask gives the task up.
_MOST_DEATHS = 3


def local(n_workers: int, memory_limit_gb: float, tell: Callable[[str], None]) -> Connect:
    """Connect to processes of this computer, each with one thread and a limit of its memory.

    A limit of 0 shares the memory evenly. A process that exceeds its limit is ended, and replaced.
    """
    memory = f"{memory_limit_gb} GB" if memory_limit_gb else "auto"

    @contextmanager
    def connect() -> Iterator[Client]:
        quieten()
        with (
            LocalCluster(
                n_workers=n_workers,
                threads_per_worker=1,
                memory_limit=memory,
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            ) as cluster,
            Client(cluster) as client,
        ):
            tell_dashboard(client, tell)
            yield client

    return connect


def running(address: str, tell: Callable[[str], None]) -> Connect:
    """Connect to the scheduler at an address; ConfigError if none answers.

    The first connection must succeed within seconds. Later ones wait for a new scheduler.
    """
    wait_s = _ANSWER_S

    @contextmanager
    def connect() -> Iterator[Client]:
        nonlocal wait_s
        quieten()
        with _client_of(address, wait_s, tell) as client:
            wait_s = _RETURN_S
            tell_dashboard(client, tell)
            yield client

    return connect


def _client_of(address: str, wait_s: float, tell: Callable[[str], None]) -> Client:
    """Return a client; ConfigError if no scheduler answers in time."""
    if wait_s > _ANSWER_S:
        tell(f"waiting up to {wait_s:.0f} s for a scheduler at {address}")
    until_s = time.monotonic() + wait_s
    while True:
        try:
            return Client(address, timeout=_ANSWER_S)
        except (OSError, TimeoutError, ValueError) as error:
            if time.monotonic() >= until_s or isinstance(error, ValueError):
                raise ConfigError(
                    f"no Dask scheduler answers at {address} ({_in_short(error)}): start one with "
                    "dask scheduler, and give the address that it prints, e.g. "
                    "tcp://192.168.1.5:8786; what is done is kept"
                ) from error
        time.sleep(0.5)


def _in_short(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def tell_dashboard(client: Client, tell: Callable[[str], None]) -> None:
    """Show the link to Dask's dashboard, if there is one."""
    # Without Bokeh, the page would only say that it is missing.
    if find_spec("bokeh") and "dashboard" in client.scheduler_info().get("services", {}):
        tell(f"Dask's dashboard: {client.dashboard_link}")


def quieten() -> None:
    """Keep Dask's own words on lost workers out of the progress; what matters is told by us."""
    import dask  # noqa: PLC0415

    dask.config.set({"distributed.scheduler.allowed-failures": _MOST_DEATHS})
    warnings.filterwarnings("ignore", message="Sending large graph")
    for name in [*logging.root.manager.loggerDict]:
        if name.partition(".")[0] in ("distributed", "tornado"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
