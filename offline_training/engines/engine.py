"""Define the engine: a way to call a function on many tasks, in any order."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class WorkersLostError(Exception):
    """The processes that ran a task ended again and again; the task need not be the cause."""


class Engine(Protocol):
    """Calls a function on tasks.

    ``n_at_once`` is the number of tasks that run at the same time.
    """

    @property
    def n_at_once(self) -> int:
        """Number of tasks that run at the same time."""

    def results(
        self, function: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Iterator[tuple[Task, Result | Exception]]:
        """Yield each task with its result, or the error that it raised, in order of completion.

        Tasks are drawn one by one, as they are needed.
        """


class InProcess:
    """The engine that runs tasks here, one after the other; errors are raised at once."""

    n_at_once = 1

    def results(
        self, function: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Iterator[tuple[Task, Result | Exception]]:
        """Yield each task with its result, in order."""
        for task in tasks:
            yield task, function(task)


HERE = InProcess()
