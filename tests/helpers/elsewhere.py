"""An engine for tests that sends tasks and results as Dask does, and runs them here."""

from typing import Any

from distributed.protocol.pickle import dumps, loads

from offline_training.engines.engine import InProcess


class Elsewhere(InProcess):
    """Runs copies of tasks, the last one first, and returns copies of their results."""

    n_at_once = 2

    def results(self, function: Any, tasks: Any) -> Any:
        """Yield each task with its result, in reverse order."""
        there = loads(dumps(function))
        for task in reversed([*tasks]):
            yield task, loads(dumps(there(loads(dumps(task)))))
