"""Run tasks on a Dask cluster that may lose workers, or its scheduler, at any moment."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager, ExitStack, suppress
from types import TracebackType
from typing import Any

from distributed import Client, Future, KilledWorker, wait

from offline_training.engines.engine import Result, Task, WorkersLostError

Connect = Callable[[], AbstractContextManager[Client]]

_LOOK_S = 5.0
# Errors of a connection that is gone, as opposed to those that tasks raise.
_LOST = (CancelledError, OSError, TimeoutError, RuntimeError)


class Cluster:
    """An engine of Dask workers, within a ``with`` block.

    Tasks must be safe to repeat: one whose worker was lost runs again on another. When the
    scheduler is lost, ``connect`` gives a new one, and unfinished tasks are handed over again.
    """

    def __init__(self, connect: Connect, tell: Callable[[str], None]) -> None:
        self._connect = connect
        self._tell = tell
        self._client: Client
        self._stack = ExitStack()
        self._n_workers = 1
        self._has_told = False
        self._counted_s = -float("inf")

    def __enter__(self) -> "Cluster":
        self._client = self._stack.enter_context(self._connect())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(*_LOST):
            self._stack.close()

    @property
    def n_at_once(self) -> int:
        """Number of workers."""
        return self._n_workers

    def results(
        self, function: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Iterator[tuple[Task, Result | Exception]]:
        """Yield each task with its result, or the error that it raised, in order of completion.

        A task whose workers were lost again and again yields `WorkersLostError`.
        """
        coming, again = iter(tasks), deque[Task]()
        running: dict[Future, Task] = {}
        while True:
            try:
                self._hand_over(function, coming, again, running)
                if not running:
                    return
                for future in self._completed(running):
                    result = _outcome(future)
                    yield running.pop(future), result
            except _LOST:
                again.extendleft(reversed(running.values()))
                running.clear()
                self._start_anew()

    def _hand_over(
        self,
        function: Callable[[Task], Result],
        coming: Iterator[Task],
        again: deque[Task],
        running: dict[Future, Task],
    ) -> None:
        """Submit a task for each worker.

        More would wait at a worker, and be suspected with the running one if that worker dies.
        """
        self._count_workers()
        while len(running) < self._n_workers:
            if again:
                task = again.popleft()
            elif (found := next(coming, _NONE)) is not _NONE:
                task = found
            else:
                return
            try:
                future = self._client.submit(function, task, pure=False)
            except _LOST:
                again.appendleft(task)
                raise
            running[future] = task

    def _completed(self, running: dict[Future, Task]) -> list[Future]:
        """Wait for a while; return the futures that are complete."""
        with suppress(TimeoutError):
            wait([*running], timeout=_LOOK_S, return_when="FIRST_COMPLETED")
        if self._client.status != "running":
            raise CancelledError
        return [future for future in running if future.status != "pending"]

    def _count_workers(self) -> None:
        """Look how many workers there are, now and then."""
        if time.monotonic() - self._counted_s > _LOOK_S:
            n_workers = len(self._client.nthreads())
            if not n_workers and not self._has_told:
                self._tell("the scheduler has no workers: start one, with dask worker ADDRESS")
            self._has_told = not n_workers
            self._n_workers = max(1, n_workers)
            self._counted_s = time.monotonic()

    def _start_anew(self) -> None:
        """Connect again, to a scheduler that knows nothing of the tasks."""
        self._tell(
            "lost the connection to the scheduler: connecting again; fits that are done are kept"
        )
        with suppress(*_LOST):
            self._stack.close()
        self._counted_s = -float("inf")
        self._client = self._stack.enter_context(self._connect())


_NONE: Any = object()


def _outcome(future: Future) -> Any:
    """Return a result, or the error that the task raised; raise if the future is lost."""
    if future.status == "error":
        error = future.exception()
        return WorkersLostError(str(error)) if isinstance(error, KilledWorker) else error
    if future.status != "finished":
        raise CancelledError
    return future.result(timeout=60)
